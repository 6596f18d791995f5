#if canImport(Glibc)
  internal import Glibc
#endif

/// A colour of 8 bits a channel in sRGB, and what must be known of it: how far it is from another, and whether text in
/// it can be read.
public struct RGB: Hashable, Sendable {
  public let red: UInt8
  public let green: UInt8
  public let blue: UInt8

  public init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  public init(_ value: UInt32) {
    self.init(UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255))
  }

  /// Reads six hexadecimal digits (or three, each doubled), with or without `#`.
  public init?(hex text: String) {
    let digits = text.hasPrefix("#") ? text.dropFirst() : text[...]
    guard digits.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
    let six = digits.utf8.count == 3 ? digits.map { "\($0)\($0)" }.joined() : String(digits)
    guard six.utf8.count == 6, let value = UInt32(six, radix: 16) else { return nil }
    self.init(value)
  }

  public var value: UInt32 { UInt32(red) << 16 | UInt32(green) << 8 | UInt32(blue) }

  /// The contrast of text in this colour on `other`, 1 to 21 (WCAG 2.2, "contrast ratio").
  public func contrast(on other: RGB) -> Double {
    let lights = [luminance, other.luminance].sorted()
    return (lights[1] + 0.05) / (lights[0] + 0.05)
  }

  /// Relative luminance, 0 black to 1 white.
  public var luminance: Double {
    0.2126 * Self.linear(red) + 0.7152 * Self.linear(green) + 0.0722 * Self.linear(blue)
  }

  private static func linear(_ channel: UInt8) -> Double {
    let value = Double(channel) / 255
    return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
  }

  /// Lightness and two colour axes in which equal distances look equal (Björn Ottosson, "A perceptual color space for
  /// image processing", 2020).
  private var oklab: (light: Double, a: Double, b: Double) {
    let (r, g, b) = (Self.linear(red), Self.linear(green), Self.linear(blue))
    let long = cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
    let middle = cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
    let short = cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
    return (
      0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
      1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
      0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short
    )
  }

  /// The number of the nearest colour in the 6x6x6 cube and the greys of the 256-colour palette. The first 16 are not
  /// candidates: users set them as they like.
  public var nearest256: UInt8 {
    let own = oklab
    var best = (index: 16, distance: Double.infinity)
    for index in 16...255 {
      let other = Self.palette256(index).oklab
      let (dl, da, db) = (own.light - other.light, own.a - other.a, own.b - other.b)
      let distance = dl * dl + da * da + db * db
      if distance < best.distance { best = (index, distance) }
    }
    return UInt8(best.index)
  }

  /// Entry 16 to 255 of the 256-colour palette.
  static func palette256(_ index: Int) -> RGB {
    if index >= 232 {
      let grey = UInt8(8 + 10 * (index - 232))
      return RGB(grey, grey, grey)
    }
    let levels: [UInt8] = [0, 95, 135, 175, 215, 255]
    let cube = index - 16
    return RGB(levels[cube / 36], levels[cube / 6 % 6], levels[cube % 6])
  }
}
