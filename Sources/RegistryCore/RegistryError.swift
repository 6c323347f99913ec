public import OCI

/// What a client is told. `message` and `details` are public; `cause` is only logged.
public struct RegistryError: Error, Sendable, CustomStringConvertible {
  public let code: ErrorCode
  public let message: String
  /// One error of the envelope is made for each; none is one error without a detail.
  public let details: [JSONValue]
  public let cause: (any Error)?
  /// The tag that a rule of its namespace keeps where it is.
  public let refusedTag: Tag?

  public init(
    _ code: ErrorCode, _ message: String, details: [JSONValue] = [], cause: (any Error)? = nil, refusedTag: Tag? = nil
  ) {
    self.refusedTag = refusedTag
    self.code = code
    self.message = message
    self.details = details
    self.cause = cause
  }

  public init(_ error: ParseError, as code: ErrorCode) { self.init(code, error.message) }

  public var description: String {
    let detail = details.isEmpty ? "" : " " + JSONValue.array(details).text
    return "\(code.rawValue): \(message)\(detail)\(cause.map { " (\($0))" } ?? "")"
  }
}
