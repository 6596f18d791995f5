internal import Base

/// One cell of a canvas. Its text comes from `DisplayText` or from a `GlyphSet`, so it is always safe to print.
public struct Cell: Hashable, Sendable {
  /// A character with its marks; empty in the right half of a wide character.
  public let cluster: String
  /// 1 or 2; 0 in the right half of a wide character.
  public let width: Int8
  public var style: Style

  init(_ cell: DisplayText.Cell, _ style: Style) {
    cluster = cell.cluster
    width = Int8(cell.width)
    self.style = style
  }

  /// `glyph` is one of our own characters of width 1.
  init(glyph: Character, _ style: Style) {
    cluster = String(glyph)
    width = 1
    self.style = style
  }

  var displayCell: DisplayText.Cell { DisplayText.Cell(cluster: cluster, width: Int(width)) }

  private init(cluster: String, width: Int8, style: Style) {
    self.cluster = cluster
    self.width = width
    self.style = style
  }

  static func blank(_ style: Style) -> Cell { Cell(cluster: " ", width: 1, style: style) }

  static func rightHalf(_ style: Style) -> Cell { Cell(cluster: "", width: 0, style: style) }
}
