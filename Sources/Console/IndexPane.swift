internal import Base
internal import ControlPlane

/// Projects and how far their index is. The node knows its projects even when no engine indexes them.
struct IndexPane: EnginePane {
  let id = PaneID.index

  static let purpose = "Projects: progress, files, searches."

  static let actions = [
    Action(
      id: "index.reindex", title: "Reindex the selected project", keys: [.character("r")],
      hint: .init(group: .act, label: "reindex", rank: 7), verb: "reindex", changesNode: true,
      refusal: { $0.refusal(of: .index) }, run: { _, _ in [] })
  ]

  func summary(_ scene: Scene) -> DisplayText {
    let count = scene.snapshot?.projects.count ?? 0
    return count == 0 ? "not running" : "\(Figures.grouped(count)) \(count == 1 ? "project" : "projects")"
  }

  func draw(into canvas: inout Canvas, area: Rect, scene: Scene) {
    let projects = scene.snapshot?.projects ?? []
    var y = drawAbsence(into: &canvas, area: area, withPurpose: projects.isEmpty || area.height >= 8)
    if area.height >= 8 { y += 1 }
    for (index, project) in projects.enumerated() where y < area.maxY {
      if y == area.maxY - 1, index < projects.count - 1 {
        let rest = DisplayText("\(Figures.grouped(projects.count - index)) more")
        canvas.write("\(canvas.sign(.more)) \(rest)", x: area.x + 1, y: y, style: Style(.dim))
        return
      }
      canvas.write(canvas.sign(.idle), x: area.x + 1, y: y, style: Style(.dim))
      let name = DisplayText(project.id.rawValue).fitted(to: 16, repertoire: canvas.repertoire)
      canvas.write(name, x: area.x + 3, y: y, maxWidth: area.width - 4)
      canvas.write(
        DisplayText(project.path), x: area.x + 20, y: y, style: Style(.dim), maxWidth: max(0, area.width - 21))
      y += 1
    }
  }
}
