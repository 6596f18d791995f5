internal import Base

extension ConsoleModel {
  /// A bench measures this machine: the picture holds back.
  var slowsForBench: Bool { isBenchRunning && options.isNodeLocal }

  /// The whole screen.
  func picture() -> Canvas {
    var canvas = Canvas(width: width, height: height, glyphs: glyphs)
    draw(into: &canvas)
    return canvas
  }

  func draw(into canvas: inout Canvas) {
    let layout = layout
    switch layout.size {
    case .tooSmall:
      canvas.write("too small", x: max(0, (width - 9) / 2), y: height / 2, maxWidth: width)
      return
    case .lines: drawLines(layout, into: &canvas)
    default: drawPanes(layout, into: &canvas)
    }
    if !isLinked || isStale, snapshot != nil {
      canvas.restyle(Rect(x: 0, y: 1, width: width, height: height - 2)) { Style(.stale, on: $0.background) }
    }
    drawToasts(into: &canvas)
    if let header = layout.header { Header(model: self).draw(into: &canvas, area: header) }
    if let footer = layout.footer {
      if case .filter(let prompt) = popup {
        Footer(model: self).draw(prompt, into: &canvas, area: footer)
      } else {
        Footer(model: self).draw(into: &canvas, area: footer)
      }
    }
    PopupFrame(model: self).draw(into: &canvas)
  }

  private func scene(_ pane: PaneID, _ layout: Layout) -> Scene {
    Scene(snapshot: snapshot, now: now, size: layout.size, isFocused: pane == focus.focused)
  }

  /// One line for each pane: `1 Sockets  not running`.
  private func drawLines(_ layout: Layout, into canvas: inout Canvas) {
    for (pane, area) in layout.frames {
      let scene = scene(pane, layout)
      let name = DisplayText(pane.heading)
      canvas.write(name, x: 1, y: area.y, style: Style(.title), maxWidth: width - 2)
      let summary = summary(of: pane, scene)
      canvas.write(summary, x: 11, y: area.y, maxWidth: max(0, width - 12))
      if scene.isFocused { canvas.select(row: area.y, in: area) }
    }
  }

  private func drawPanes(_ layout: Layout, into canvas: inout Canvas) {
    let focused = focus.focused
    for (_, frame) in layout.frames { canvas.box(frame, style: Style(.border)) }
    if let frame = layout.frames[focused] { canvas.box(frame, style: Style(.borderFocus, on: .background, .bold)) }
    for (pane, frame) in layout.frames {
      let scene = scene(pane, layout)
      drawTitle(of: pane, frame, scene, into: &canvas)
      guard let content = layout.content(of: pane) else { continue }
      // A rule across a pane meets its frame on both sides.
      let inner = Rect(x: content.x - 1, y: content.y, width: content.width + 2, height: content.height)
      canvas.clipped(to: inner) { panes[pane].draw(into: &$0, area: content, scene: scene) }
    }
  }

  private func summary(of pane: PaneID, _ scene: Scene) -> DisplayText {
    let summary = panes[pane].summary(scene)
    return panes[pane].listNote.map { "\($0) · \(summary)" } ?? summary
  }

  private func drawTitle(of pane: PaneID, _ frame: Rect, _ scene: Scene, into canvas: inout Canvas) {
    let style = Style(scene.isFocused ? .borderFocus : .title, on: .background, .bold)
    // A sign besides the colour, for monochrome screens.
    let mark: DisplayText = scene.isFocused ? "\(canvas.sign(.running)) " : ""
    let end = canvas.write(
      " \(mark)\(pane.heading) ", x: frame.x + 2, y: frame.y, style: style, maxWidth: frame.width - 4)
    let summary: DisplayText = " \(summary(of: pane, scene)) "
    let room = frame.maxX - 2 - end - 1
    guard room > 4 else { return }
    let shown = DisplayText(summary, repertoire: canvas.repertoire).truncated(to: room, repertoire: canvas.repertoire)
    canvas.put(shown, x: frame.maxX - 2 - shown.width, y: frame.y, style: Style(.dim))
  }

  /// Above the footer, newest lowest.
  private func drawToasts(into canvas: inout Canvas) {
    var y = height - 2
    for toast in toasts.reversed() where y > 0 {
      let sign: GlyphSet.Sign
      let role: Role
      switch toast.kind {
      case .done: (sign, role) = (.ok, .ok)
      case .refused: (sign, role) = (.warning, .warn)
      case .failed: (sign, role) = (.failed, .err)
      }
      let hint: DisplayText = toast.kind == .failed ? "  (any key)" : ""
      let room = width - 4 - hint.width - 4
      guard room > 4 else { return }
      let text = DisplayText(toast.text, repertoire: canvas.repertoire).truncated(
        to: room, repertoire: canvas.repertoire)
      let shown: DisplayText = " \(canvas.sign(sign)) \(text)\(hint) "
      canvas.write(shown, x: max(1, width - 2 - shown.width), y: y, style: Style(role, on: .popupBackground, .bold))
      y -= 1
    }
  }
}
