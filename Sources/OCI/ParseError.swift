/// Text or bytes from a client that do not have the form the specification asks for.
///
/// The message is a plain sentence for the person at the other end: it says what is wrong and what is expected.
/// Client text inside it is shortened and escaped, so the message may be logged and returned as it is.
public struct ParseError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What was being read.
  public enum Kind: Sendable, Hashable, CaseIterable {
    case digest, unsupportedAlgorithm, repositoryName, tag, reference, mediaType, manifest, range, json, parameter
  }

  public let kind: Kind
  public let message: String

  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  public var description: String { message }

  /// The same error with the place in a larger document put in front of its message.
  func within(_ place: String) -> ParseError { ParseError(kind, "\(place): \(message)") }
}

/// How many scalars of a client's text are repeated in a message: enough to recognise it, too few to flood a log.
private let quotedScalarLimit = 64

/// The client's text in quotation marks, cut after 64 scalars, with everything but printable ASCII escaped.
func quoted(_ text: some StringProtocol) -> String {
  var result = "\""
  var count = 0
  for scalar in text.unicodeScalars {
    if count == quotedScalarLimit {
      result += "…"
      break
    }
    result += scalar == "'" ? "'" : scalar.escaped(asASCII: true)
    count += 1
  }
  return result + "\""
}

/// As ``quoted(_:)-(StringProtocol)``, for bytes that need not be valid UTF-8.
func quoted(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
  // No scalar is longer than four bytes; one byte more shows that something was cut.
  quoted(String(decoding: bytes.prefix(quotedScalarLimit * 4 + 1), as: UTF8.self))
}
