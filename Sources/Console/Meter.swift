internal import Base

/// A figure as a picture of one line. A new meter is one file with one type.
protocol Meter {
  /// Draws into `width` cells from (x, y).
  func draw(into canvas: inout Canvas, x: Int, y: Int, width: Int)
}

/// The last values of a series, newest right, on a scale that does not move with them unless told to.
struct Sparkline: Meter {
  let values: [Double]
  /// What fills the full height; nil: the largest value shown.
  var scaleMax: Double?
  var style = Style(.spark)

  func draw(into canvas: inout Canvas, x: Int, y: Int, width: Int) {
    let room = width * canvas.glyphs.valuesPerCell
    let shown = values.suffix(room).map { $0.isFinite ? max(0, $0) : 0 }
    let top = scaleMax ?? shown.max() ?? 0
    let missing = (room - shown.count) / canvas.glyphs.valuesPerCell
    let odd = (room - shown.count) % canvas.glyphs.valuesPerCell
    let fractions = Array(repeating: 0.0, count: odd) + shown.map { top > 0 ? min(1, $0 / top) : 0 }
    canvas.put(DisplayText(canvas.glyphs.graph(fractions)), x: x + missing, y: y, style: style)
  }
}

/// A share of a whole: `━━━━━━───`.
struct Bar: Meter {
  /// 0…1; brought into it when it is not.
  let fraction: Double
  var style = Style(.graphLow)

  func draw(into canvas: inout Canvas, x: Int, y: Int, width: Int) {
    let share = fraction.isFinite ? min(1, max(0, fraction)) : 0
    // Only a whole is drawn as a whole, and only nothing as nothing.
    var full = Int((share * Double(width)).rounded())
    if share > 0, full == 0 { full = 1 }
    if share < 1, full == width { full = width - 1 }
    for column in 0..<max(0, width) {
      let isFull = column < full
      let glyph = isFull ? canvas.glyphs.bar.full : canvas.glyphs.bar.empty
      canvas.put(glyph: glyph, x: x + column, y: y, style: isFull ? style : Style(.dim))
    }
  }
}

/// A series over several lines, newest right, from (x, y) down.
struct AreaChart: Meter {
  let values: [Double]
  /// What fills the full height.
  let scaleMax: Double
  let height: Int
  var style = Style(.spark)

  func draw(into canvas: inout Canvas, x: Int, y: Int, width: Int) {
    guard scaleMax > 0, height > 0 else { return }
    for row in 0..<height {
      // Of each value, the part that lies in this line.
      let part = values.map { min(1, max(0, $0 / scaleMax * Double(height) - Double(height - 1 - row))) }
      Sparkline(values: part, scaleMax: 1, style: style).draw(into: &canvas, x: x, y: y + row, width: width)
    }
  }
}

/// Counts of neighbouring ranges as columns over `height` lines, upwards from (x, y + height - 1).
struct Histogram: Meter {
  let buckets: [Double]
  /// What fills the full height, so that two pictures can be compared.
  let scaleMax: Double
  var height = 1
  /// Cells of a column.
  var breadth = 1
  var style = Style(.spark)

  func draw(into canvas: inout Canvas, x: Int, y: Int, width: Int) {
    guard scaleMax > 0 else { return }
    for (column, value) in buckets.prefix(max(0, width / breadth)).enumerated() where value > 0 {
      let level = min(1, value / scaleMax) * Double(height)
      for row in 0..<height {
        let part = level - Double(row)
        guard part > 0 else { break }
        for cell in 0..<breadth {
          canvas.put(
            glyph: canvas.glyphs.column(min(1, part)), x: x + column * breadth + cell, y: y + height - 1 - row,
            style: style)
        }
      }
    }
  }
}
