/// What Go writes into a program: the version of Go, and the modules that it is built from.
///
/// Source: Go's packages `debug/buildinfo` and `runtime/debug`, "BuildInfo".
struct GoBuild {
  /// `go1.21.3`. Programs of Go before 1.18 have it elsewhere: see ``GoPointers``.
  var version = ""
  private var record: [UInt8] = []

  /// Among the constants of the program the record stands without the version.
  var hasRecord: Bool { !record.isEmpty }
  var hasVersion: Bool { !version.isEmpty }

  /// Before the version and the record, of which the second may be there without the first.
  private static let headerStart: [UInt8] = [0xFF] + Array(" Go buildinf:".utf8)
  static let headerBytes = 32
  /// The header stands at multiples of it.
  private static let alignment = 16
  /// The texts follow the header, instead of pointers to them.
  private static let inlineFlag: UInt8 = 2
  private static let recordStart: [UInt8] = [
    0x30, 0x77, 0xAF, 0x0C, 0x92, 0x74, 0x08, 0x02, 0x41, 0xE1, 0xC1, 0x07, 0xE6, 0xD6, 0x18, 0xE6,
  ]
  static let recordEnd: [UInt8] = [
    0xF9, 0x32, 0x43, 0x31, 0x86, 0x18, 0x20, 0x72, 0x00, 0x82, 0x42, 0x10, 0x41, 0x16, 0xD8, 0xF2,
  ]

  /// Where a header with texts begins.
  ///
  /// - Parameters:
  ///   - offset: of the window, in the file.
  ///   - older: is told where a header with pointers begins, before that.
  static func header(
    in window: UnsafeRawBufferPointer, at offset: Int64, before end: Int, older: (Int) -> Void
  ) -> Int? {
    var from = 0
    while from < end {
      let rest = UnsafeRawBufferPointer(rebasing: window[from...])
      guard let found = rest.position(of: headerStart), from + found < end else { return nil }
      let position = from + found
      let isAligned = (offset + Int64(position)) % Int64(alignment) == 0
      if isAligned, position + headerBytes <= window.count {
        if window[position + 15] & inlineFlag != 0 { return position }
        older(position)
      }
      from = position + 1
    }
    return nil
  }

  /// Where a record of modules begins.
  static func record(in window: UnsafeRawBufferPointer, before end: Int) -> Int? {
    window.position(of: recordStart).flatMap { $0 < end ? $0 : nil }
  }

  /// - Parameter bytes: with what marks its start and its end.
  mutating func take(record bytes: [UInt8]) {
    guard bytes.count > Self.recordStart.count + Self.recordEnd.count, bytes.starts(with: Self.recordStart) else {
      return
    }
    record = Array(bytes.dropFirst(Self.recordStart.count).dropLast(Self.recordEnd.count))
  }

  // MARK: Modules

  private struct Module {
    var path: String
    var version: String
  }

  var components: [Component] {
    var modules: [Module] = []
    var main: Module?
    var flags = ""
    var isMainLast = false
    for line in String(decoding: record, as: UTF8.self).split(separator: "\n") {
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      guard fields.count >= 2 else { continue }
      let module = Module(path: String(fields[1]), version: fields.count > 2 ? String(fields[2]) : "")
      switch fields[0] {
      case "mod":
        main = module
        isMainLast = true
      case "dep":
        modules.append(module)
        isMainLast = false
      case "=>" where !module.version.isEmpty:
        // What stands in its place, and is what was built.
        if isMainLast { main = module } else if !modules.isEmpty { modules[modules.count - 1] = module }
      case "build" where fields[1].hasPrefix("-ldflags="): flags = String(fields[1].dropFirst(9))
      default: continue
      }
    }
    if var main {
      if main.version.isEmpty || main.version == "(devel)" { main.version = Self.version(inLinkerFlags: flags) ?? "" }
      modules.insert(main, at: 0)
    }
    var found = modules.filter { !$0.path.isEmpty }.map { Component(.golang, name: $0.path, version: $0.version) }
    if let standard = standardLibrary { found.append(standard) }
    return found
  }

  private var standardLibrary: Component? {
    guard version.hasPrefix("go") else { return nil }
    // `go1.22.1 X:boringcrypto`, `go1.20.4-vendor`.
    let number = version.dropFirst(2).prefix { $0 != " " && $0 != "-" && $0 != "+" }
    guard number.first?.isNumber ?? false else { return nil }
    return Component(.golang, name: "stdlib", version: String(number))
  }

  /// The version that a build gave its program by hand: `-X main.version=1.2.3`.
  private static func version(inLinkerFlags flags: String) -> String? {
    for word in flags.split(whereSeparator: { $0 == " " || $0 == "\"" || $0 == "'" }) {
      guard let separator = word.firstIndex(of: "=") else { continue }
      let name = word[..<separator].split(separator: ".").last?.lowercased() ?? ""
      guard ["version", "ver", "gitversion", "buildversion", "appversion"].contains(name) else { continue }
      let value = String(word[word.index(after: separator)...])
      let digits = value.hasPrefix("v") ? value.dropFirst() : value[...]
      guard digits.first?.isNumber ?? false, digits.contains(".") else { continue }
      return value.hasPrefix("v") ? value : "v" + value
    }
    return nil
  }
}
