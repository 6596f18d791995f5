internal import Base
internal import ControlPlane

/// The settings with their provenance, for people.
enum SettingsText {
  static func table(_ reports: [SettingReport]) -> String {
    Table.render(
      header: ["SETTING", "VALUE", "FROM", "ENVIRONMENT", "FLAG", "MEANING"],
      rows: reports.map { report in
        [
          report.name, [report.value, report.unit].compactMap(\.self).joined(separator: " "), provenance(report),
          report.environment, report.flag ?? "none", report.meaning,
        ]
      })
  }

  /// `flag --api-port`, `environment`, `file /etc/x.yaml:3`, `default`.
  private static func provenance(_ report: SettingReport) -> String {
    guard let origin = report.origin, origin != report.environment else { return report.source.rawValue }
    return "\(report.source.rawValue) \(origin)"
  }
}
