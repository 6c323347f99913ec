/// What an image's configuration says, as far as it is shown, searched and compared.
///
/// Configurations come from many builders: what has another form than expected is passed over, and is no error.
///
/// Source: image-spec, config.md; Docker image specification v1.2.
public struct ImageConfiguration: Sendable, Hashable {
  /// Larger ones are not read: real ones have some kilobytes.
  public static let sizeLimitBytes = 4 << 20

  /// A line of the history: what made a layer, or only changed the configuration.
  public struct Step: Sendable, Hashable {
    public let createdBy: String
    public let comment: String?
    /// RFC 3339, as it stands there.
    public let created: String?
    /// It made no layer.
    public let isEmptyLayer: Bool
  }

  /// RFC 3339, as it stands there.
  public let created: String?
  public let author: String?
  public let os: String?
  public let architecture: String?
  public let variant: String?
  public let user: String?
  public let workingDirectory: String?
  public let stopSignal: String?
  /// `NAME=value`, in their order.
  public let environment: [String]
  public let entrypoint: [String]
  public let command: [String]
  /// `8080/tcp`, sorted.
  public let exposedPorts: [String]
  /// Sorted.
  public let volumes: [String]
  public let labels: Annotations
  /// Digests of the layers' uncompressed content, in their order.
  public let diffIDs: [String]
  public let history: [Step]

  /// Nil when the bytes are no JSON object.
  public init?(parsing bytes: UnsafeRawBufferPointer) {
    guard bytes.count <= Self.sizeLimitBytes, let document = try? JSONValue.parse(bytes), document.object != nil else {
      return nil
    }
    let config = document["config"]
    func texts(_ value: JSONValue?) -> [String] { (value?.array ?? []).compactMap(\.string) }
    func keys(_ value: JSONValue?) -> [String] { (value?.object?.members ?? []).map(\.key).sorted() }
    func text(_ value: JSONValue?) -> String? { value?.string.flatMap { $0.isEmpty ? nil : $0 } }
    created = text(document["created"])
    author = text(document["author"])
    os = text(document["os"])
    architecture = text(document["architecture"])
    variant = text(document["variant"])
    user = text(config?["User"])
    workingDirectory = text(config?["WorkingDir"])
    stopSignal = text(config?["StopSignal"])
    environment = texts(config?["Env"])
    entrypoint = texts(config?["Entrypoint"])
    command = texts(config?["Cmd"])
    exposedPorts = keys(config?["ExposedPorts"])
    volumes = keys(config?["Volumes"])
    labels = Annotations(
      (config?["Labels"]?.object?.members ?? []).compactMap { member in member.value.string.map { (member.key, $0) } })
    diffIDs = texts(document["rootfs"]?["diff_ids"])
    history = (document["history"]?.array ?? []).map { step in
      Step(
        createdBy: step["created_by"]?.string ?? "", comment: text(step["comment"]), created: text(step["created"]),
        isEmptyLayer: step["empty_layer"]?.bool ?? false)
    }
  }

  /// `linux/arm64/v8`; nil when it does not say.
  public var platform: String? {
    guard let os, let architecture else { return nil }
    return "\(os)/\(architecture)" + (variant.map { "/\($0)" } ?? "")
  }
}
