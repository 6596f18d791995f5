/// The version of signalbox, as `signalbox version`, `/v1/status` and the control socket's greeting say it.
public enum Version {
  public static let current = "0.1.0"
}
