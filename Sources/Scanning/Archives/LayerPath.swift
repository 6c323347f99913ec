/// Paths of entries as they are compared: from the root, without a slash before or behind, without `.` and empty names.
enum LayerPath {
  /// Nil when it leads out of the root, or is beyond a limit. The root itself is the empty text.
  static func normalised(_ bytes: some Collection<UInt8>, _ limits: ArchiveLimits) -> String? {
    guard bytes.count <= limits.pathBytes else { return nil }
    var names: [String] = []
    for name in bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: true) {
      if name.elementsEqual(".".utf8) { continue }
      guard !name.elementsEqual("..".utf8), !name.contains(0), names.count < limits.pathDepth else { return nil }
      names.append(String(decoding: name, as: UTF8.self))
    }
    return names.joined(separator: "/")
  }

  /// Why a path is none that ``normalised(_:_:)`` takes, for people.
  static func fault(of bytes: some Collection<UInt8>, _ limits: ArchiveLimits) -> String {
    if bytes.count > limits.pathBytes { return "has more than \(limits.pathBytes) bytes" }
    if bytes.contains(0) { return "has a zero byte in it" }
    let names = bytes.split(separator: UInt8(ascii: "/"))
    return names.contains { $0.elementsEqual("..".utf8) }
      ? "leads out of the layer" : "is deeper than \(limits.pathDepth) names"
  }

  /// What the target of a link means as a path from the root, as text; nil when it leads out of the root.
  static func resolved(_ target: [UInt8], from path: String, _ limits: ArchiveLimits) -> String? {
    guard !target.isEmpty, target.count <= limits.pathBytes else { return nil }
    var names: [Substring] = []
    let text = String(decoding: target, as: UTF8.self)
    if !text.hasPrefix("/") { names = path.split(separator: "/").dropLast() }
    for name in text.split(separator: "/") {
      switch name {
      case ".": continue
      case "..":
        // Above the root is the root, as in a container.
        _ = names.popLast()
      default: names.append(name)
      }
      guard names.count <= limits.pathDepth else { return nil }
    }
    return names.joined(separator: "/")
  }

  static func lastName(_ path: String) -> Substring {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path[...] }
    return path[path.utf8.index(after: slash)...]
  }

  /// The directory that holds it; the empty text for what stands at the root.
  static func parent(_ path: String) -> Substring {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
    return path[..<slash]
  }
}
