/// Where an S3-compatible store is: `s3://BUCKET/PREFIX?endpoint=…&region=…&path-style=true`.
public struct S3Location: Sendable, Equatable {
  public let bucket: String
  /// Empty, or ends with a slash.
  public let prefix: String
  public let isSecure: Bool
  /// Without the bucket, with the port where it is not the scheme's own.
  public let authority: String
  public let region: String
  /// The bucket is the first part of the path, not of the host name.
  public let usesPathStyle: Bool
  public let storageClass: String?
  /// `AES256` or `aws:kms`: the store encrypts what it keeps.
  public let encryption: String?
  public let encryptionKey: String?
  /// PEM file of authorities to trust instead of the system's.
  public let caFile: String?
  /// No endpoint was named: it is AWS itself, which every client reaches.
  public let isAWS: Bool

  /// What is wrong with a location, in words.
  public struct Problem: Error, Equatable, CustomStringConvertible {
    public let description: String
  }

  private static let parameters = [
    "endpoint", "region", "path-style", "storage-class", "sse", "sse-kms-key-id", "ca-file",
  ]

  /// - Parameter environment: `AWS_REGION` and `AWS_DEFAULT_REGION` count where no region is named.
  public init(parsing text: String, environment: [String: String] = [:]) throws(Problem) {
    guard text.hasPrefix("s3://") else { throw Problem(description: "it does not begin with s3://") }
    let rest = text.dropFirst(5)
    let path = rest.prefix { $0 != "?" }
    let parts = path.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    bucket = String(parts.first ?? "")
    guard (3...63).contains(bucket.utf8.count), bucket.utf8.allSatisfy(Self.isBucketByte) else {
      throw Problem(description: "“\(bucket)” is not the name of a bucket")
    }
    let folder = parts.count > 1 ? parts[1].split(separator: "/").joined(separator: "/") : ""
    guard folder.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != 0x23 }) else {
      throw Problem(description: "the prefix may hold ASCII letters, digits and punctuation only")
    }
    prefix = folder.isEmpty ? "" : folder + "/"
    let values = try Self.values(rest.dropFirst(path.count + 1))
    region = values["region"] ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"] ?? "us-east-1"
    guard !region.isEmpty, region.utf8.allSatisfy(Self.isBucketByte) else {
      throw Problem(description: "“\(region)” is not the name of a region")
    }
    storageClass = values["storage-class"]
    encryption = values["sse"]
    encryptionKey = values["sse-kms-key-id"]
    caFile = values["ca-file"]
    if let encryption, !["AES256", "aws:kms", "aws:kms:dsse"].contains(encryption) {
      throw Problem(description: "sse is AES256 or aws:kms, not “\(encryption)”")
    }
    isAWS = values["endpoint"] == nil
    let endpoint = values["endpoint"] ?? "https://s3.\(region).amazonaws.com"
    (isSecure, authority) = try Self.endpoint(endpoint)
    switch values["path-style"] {
    case nil: usesPathStyle = !isAWS || bucket.contains(".")
    case "true": usesPathStyle = true
    case "false": usesPathStyle = false
    case .some(let other): throw Problem(description: "path-style is true or false, not “\(other)”")
    }
  }

  private static func values(_ query: Substring) throws(Problem) -> [String: String] {
    var values: [String: String] = [:]
    for pair in query.split(separator: "&") {
      let name = String(pair.prefix { $0 != "=" })
      guard parameters.contains(name) else {
        throw Problem(description: "it has no parameter “\(name)”; there are \(parameters.joined(separator: ", "))")
      }
      guard let value = percentDecoded(pair.dropFirst(name.count + 1)), !value.isEmpty else {
        throw Problem(description: "the parameter \(name) has no value")
      }
      values[name] = value
    }
    return values
  }

  private static func endpoint(_ text: String) throws(Problem) -> (Bool, String) {
    let isSecure = text.hasPrefix("https://")
    guard isSecure || text.hasPrefix("http://") else {
      throw Problem(description: "the endpoint “\(text)” does not begin with https:// or http://")
    }
    var authority = text.dropFirst(isSecure ? 8 : 7)
    if authority.hasSuffix("/") { authority = authority.dropLast() }
    guard !authority.isEmpty, !authority.contains(where: { "/?#@".contains($0) }) else {
      throw Problem(description: "the endpoint “\(text)” is a host and a port only")
    }
    let standard = isSecure ? ":443" : ":80"
    if authority.hasSuffix(standard) { authority = authority.dropLast(standard.count) }
    return (isSecure, authority.lowercased())
  }

  private static func isBucketByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x61...0x7A, 0x30...0x39, 0x2D, 0x2E, 0x5F: true
    default: false
    }
  }

  private static func percentDecoded(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let value = UInt8(Substring(rest.prefix(2)), radix: 16), rest.count >= 2 else { return nil }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }

  /// The host that requests name.
  var host: String { usesPathStyle ? authority : "\(bucket).\(authority)" }

  /// The path of a key, or of the bucket for nil, encoded as it is sent and signed.
  func path(_ key: String?) -> String {
    var path = usesPathStyle ? "/\(bucket)" : ""
    if let key { path += "/" + S3Signer.encode(prefix + key, keepsSlash: true) }
    return path.isEmpty ? "/" : path
  }
}
