public import ControlPlane

public enum Doctor {
  public static func examine(_ facts: DoctorSettings) async -> [DoctorFinding] { [] }
}
