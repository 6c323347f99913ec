import Glibc

/// An IPv4 or IPv6 address. Two addresses are equal when their bytes are, however they were written.
struct IPAddress: Sendable, Hashable, CustomStringConvertible {
  /// 4 or 16 bytes in network order.
  let bytes: [UInt8]

  static let loopback = IPAddress(bytes: [127, 0, 0, 1])

  private init(bytes: [UInt8]) { self.bytes = bytes }

  /// `nil` when the text is no address. IPv6 stands without brackets; zones are not accepted.
  init?(_ text: String) {
    // The system's function reads up to a zero byte, so letters it would not use anyway are kept from it.
    guard text.utf8.allSatisfy({ isDigit($0) || ".:abcdefABCDEF".utf8.contains($0) }) else { return nil }
    var four = in_addr()
    var sixteen = in6_addr()
    if inet_pton(AF_INET, text, &four) == 1 {
      bytes = withUnsafeBytes(of: &four) { Array($0) }
    } else if inet_pton(AF_INET6, text, &sixteen) == 1 {
      bytes = withUnsafeBytes(of: &sixteen) { Array($0) }
    } else {
      return nil
    }
  }

  /// 127.0.0.0/8 or ::1, also when IPv4 is written inside IPv6.
  var isLoopback: Bool { AddressRange.loopbackIPv4.contains(self) || AddressRange.loopbackIPv6.contains(self) }

  /// The IPv4 address inside `::ffff:a.b.c.d`, which a socket for both families reports; otherwise the address itself.
  var unmapped: IPAddress {
    bytes.count == 16 && bytes.starts(with: Self.mappedPrefix) ? IPAddress(bytes: Array(bytes[12...])) : self
  }

  /// The address with all bits after the first `count` cleared.
  func prefix(bits count: Int) -> IPAddress {
    IPAddress(
      bytes: bytes.enumerated().map { position, byte in
        let kept = min(8, max(0, count - position * 8))
        return byte & ~UInt8(truncatingIfNeeded: 0xff >> kept)
      })
  }

  var description: String {
    var buffer = [UInt8](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let written = buffer.withUnsafeMutableBytes { space in
      bytes.withUnsafeBytes { raw in
        inet_ntop(
          bytes.count == 4 ? AF_INET : AF_INET6, raw.baseAddress,
          space.baseAddress?.assumingMemoryBound(to: CChar.self),
          socklen_t(space.count))
      }
    }
    precondition(written != nil, "an address of 4 or 16 bytes has a text")
    return String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self)
  }

  private static let mappedPrefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
}

/// A network: every address that shares the first bits (CIDR notation, RFC 4632 and RFC 4291).
struct AddressRange: Sendable, Hashable, CustomStringConvertible {
  let base: IPAddress
  let prefixLength: Int

  static let loopbackIPv4 = AddressRange(base: IPAddress.loopback.prefix(bits: 8), prefixLength: 8)
  static let loopbackIPv6 = AddressRange(base: .loopbackIPv6, prefixLength: 128)

  private init(base: IPAddress, prefixLength: Int) {
    self.base = base
    self.prefixLength = prefixLength
  }

  /// Reads `10.0.0.0/8` or a single address. Bits after the prefix must be zero, since they point to a mistake.
  init(parsing text: String) throws(ValueProblem) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let address = IPAddress(String(first)) else {
      throw ValueProblem("\(quoted(text)) is not a network; write for instance 10.0.0.0/8 or fd00::/8, or unix")
    }
    guard address == address.unmapped else {
      throw ValueProblem("\(quoted(text)): write the IPv4 network itself, without ::ffff:")
    }
    let width = address.bytes.count * 8
    var length = width
    if parts.count == 2 {
      guard parts[1].utf8.allSatisfy(isDigit), let number = Int(parts[1]), number <= width else {
        throw ValueProblem("\(quoted(text)): the number after / must be 0 to \(width)")
      }
      length = number
    }
    guard address.prefix(bits: length) == address else {
      throw ValueProblem(
        "\(quoted(text)) has bits beyond its prefix; did you mean \"\(address.prefix(bits: length))/\(length)\"?")
    }
    self.init(base: address, prefixLength: length)
  }

  /// Whether the address lies in the network. IPv4 written inside IPv6 counts as IPv4.
  func contains(_ address: IPAddress) -> Bool {
    let plain = address.unmapped
    return plain.bytes.count == base.bytes.count && plain.prefix(bits: prefixLength) == base
  }

  var description: String { "\(base)/\(prefixLength)" }
}

extension IPAddress {
  fileprivate static let loopbackIPv6 = IPAddress(bytes: [UInt8](repeating: 0, count: 15) + [1])
}

/// Somebody whose forwarding headers are believed.
enum TrustedPeer: Sendable, Hashable, CustomStringConvertible {
  case network(AddressRange)
  /// Every client of a unix socket.
  case unixSockets

  var description: String {
    switch self {
    case .network(let range): range.description
    case .unixSockets: "unix"
    }
  }
}

/// An address to listen on.
enum ListenAddress: Sendable, Hashable, CustomStringConvertible {
  /// No host is every address of the machine, IPv4 and IPv6. Port 0 lets the system choose.
  case tcp(host: IPAddress?, port: UInt16)
  case unix(path: String)

  /// Reads `127.0.0.1:5000`, `[::1]:5000`, `localhost:5000` (127.0.0.1), `:5000` or `unix:/run/berth.sock`.
  init(parsing text: String) throws(ValueProblem) {
    if text.hasPrefix("unix:") {
      self = .unix(path: try Self.socketPath(String(text.dropFirst("unix:".count)), in: text))
      return
    }
    if text.contains("://") { throw ValueProblem("\(quoted(text)): write the address and port only, without http://") }
    if IPAddress(text)?.bytes.count == 16 {
      throw ValueProblem(
        "\(quoted(text)) has no port, or no brackets around the address; write for instance [::1]:5000")
    }
    guard let colon = text.lastIndex(of: ":") else {
      let example = !text.isEmpty && text.utf8.allSatisfy(isDigit) ? ":\(text.prefix(10))" : "127.0.0.1:5000"
      throw ValueProblem("\(quoted(text)) has no port; write for instance \(example)")
    }
    let digits = text[text.index(after: colon)...]
    guard !digits.isEmpty, digits.utf8.allSatisfy(isDigit), let port = UInt16(digits) else {
      throw ValueProblem("\(quoted(text)): the port must be 0 to 65535")
    }
    self = .tcp(host: try Self.host(text[..<colon], in: text), port: port)
  }

  /// Whether only processes on this machine can reach it.
  var isLoopback: Bool {
    switch self {
    case .tcp(let host, _): host?.isLoopback ?? false
    case .unix: true
    }
  }

  var description: String {
    switch self {
    case .tcp(nil, let port): ":\(port)"
    case .tcp(let host?, let port): host.bytes.count == 16 ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }

  private static func host(_ host: Substring, in text: String) throws(ValueProblem) -> IPAddress? {
    switch host {
    case "", "*": return nil
    case "localhost": return .loopback
    default:
      let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
      guard let address = IPAddress(String(isBracketed ? host.dropFirst().dropLast() : host)),
        isBracketed == (address.bytes.count == 16)
      else {
        throw ValueProblem(
          "\(quoted(text)) is not an address to listen on; write an IP address and a port, such as 127.0.0.1:5000, "
            + "[::1]:5000 or :5000, or unix:/path")
      }
      return address
    }
  }

  private static func socketPath(_ path: String, in text: String) throws(ValueProblem) -> String {
    // Docker writes unix:///run/x.sock for the same thing.
    let plain = path.hasPrefix("//") ? String(path.dropFirst(2)) : path
    guard !plain.isEmpty else {
      throw ValueProblem("\(quoted(text)) has no path; write for instance unix:/run/berth.sock")
    }
    guard !plain.unicodeScalars.contains(where: isControl) else {
      throw ValueProblem("\(quoted(text)) holds a control character")
    }
    // sockaddr_un holds 108 bytes with the terminating zero.
    guard plain.utf8.count <= 107 else { throw ValueProblem("\(quoted(text)): a socket's path has at most 107 bytes") }
    return plain
  }
}
