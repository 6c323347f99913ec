public import Metadata
public import OCI

/// Channels that follow the versions that are pushed.
public struct ChannelRule: Sendable, Hashable {
  public let channels: [TagChannel]

  /// `{"channels": ["major", "minor", "latest"]}`
  public init(json: JSONValue) throws(ParseError) {
    let texts = try RuleReader(json, ["channels"]).texts("channels") ?? []
    let channels = texts.compactMap { TagChannel(rawValue: $0) }
    guard !channels.isEmpty, channels.count == texts.count else {
      throw ParseError(
        .parameter, "“channels” is a list of \(TagChannel.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    self.channels = TagChannel.allCases.filter { channels.contains($0) }
  }

  public var json: JSONValue { ["channels": .array(channels.map { .string($0.rawValue) })] }
}
