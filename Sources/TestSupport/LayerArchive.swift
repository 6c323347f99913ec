/// Writes an archive as layers are, for tests: plain, with headers of ustar.
public struct LayerArchive: Sendable {
  public private(set) var bytes: [UInt8] = []

  public init() {}

  public mutating func add(_ path: String, _ content: String, mode: Int = 0o644) {
    add(path, Array(content.utf8), mode: mode)
  }

  /// - Parameter type: `0` is a file, `1` a hard link, `2` a symbolic link, `5` a directory.
  public mutating func add(
    _ path: String, _ content: [UInt8] = [], mode: Int = 0o644, type: Character = "0", link: String = ""
  ) {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at offset: Int) {
      for (index, byte) in text.utf8.enumerated() { header[offset + index] = byte }
    }
    func octal(_ number: Int, _ width: Int) -> String {
      let digits = String(number, radix: 8)
      return String(repeating: "0", count: width - digits.count) + digits
    }
    put(path, at: 0)
    put(octal(mode, 7), at: 100)
    put(octal(0, 7), at: 108)
    put(octal(0, 7), at: 116)
    put(octal(content.count, 11), at: 124)
    put(octal(0, 11), at: 136)
    put("        ", at: 148)
    put(String(type), at: 156)
    put(link, at: 157)
    put("ustar", at: 257)
    put("00", at: 263)
    put(octal(header.reduce(0) { $0 + Int($1) }, 6), at: 148)
    header[154] = 0
    bytes += header + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
  }

  /// The archive with its end.
  public var whole: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }
}
