/// A part of a YAML file with its place.
struct YAMLNode: Sendable {
  enum Content: Sendable {
    case scalar(YAMLScalar)
    case sequence([YAMLNode])
    /// In the order of the file; doubles are kept, for the reader to report.
    case mapping([(key: YAMLNode, value: YAMLNode)])
    /// Something that was reported already and stands for no value.
    case refused
  }

  let mark: TextMark
  let content: Content
}

struct YAMLScalar: Sendable {
  let text: String
  /// Without quotation marks, so that `null` and `~` mean nothing.
  let isPlain: Bool

  /// An absent value, as YAML writes it.
  var isNull: Bool { isPlain && ["", "~", "null", "Null", "NULL"].contains(text) }
}

/// A mistake in a YAML text.
struct YAMLProblem: Error, Sendable, Equatable {
  let mark: TextMark
  let message: String
}
