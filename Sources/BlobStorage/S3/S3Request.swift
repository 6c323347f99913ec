internal import NIOCore
internal import NIOHTTP1

/// A request to an object store, before it is signed. Its body is all there, so that it can be sent again.
struct S3Request {
  let operation: S3Operation
  let method: HTTPMethod
  /// Below the prefix; nil for the bucket.
  var key: String?
  var query: [(String, String)] = []
  var headers: [(String, String)] = []
  var body: ByteBuffer?
  /// The hash of the body in hexadecimal, where it is known.
  var bodyHash: String?

  init(_ operation: S3Operation, _ method: HTTPMethod, key: String? = nil) {
    self.operation = operation
    self.method = method
    self.key = key
  }
}

/// What is asked of an object store, as `/metrics` counts it.
public enum S3Operation: String, Sendable, CaseIterable {
  case put, get, head, delete, list, beginParts, putPart, completeParts, abortParts, listParts
}

/// What was asked of an object store.
public struct S3Figures: Sendable, Equatable {
  public var requests: [S3Operation: Int] = [:]
  /// Requests that failed for the moment and were sent again.
  public var retries = 0
  /// Requests that failed in the end.
  public var failures = 0
  public var bytesSent: Int64 = 0
  public var bytesReceived: Int64 = 0
}

/// How an object store is used.
public struct S3Settings: Sendable {
  public var location: S3Location
  public var connections = 128
  /// A request that makes no progress for so long has failed.
  public var requestTimeout: Duration = .seconds(30)
  /// For how long a request that fails for the moment is tried again: see ``S3Client/Failure/mayPass``.
  /// A minute of 503, and the longest pause after it.
  public var retryTimeout: Duration = .seconds(75)
  /// Addresses of hosts that are not asked of the system: names of buckets, where nobody knows these.
  var addresses: [String: String] = [:]

  public init(location: S3Location) { self.location = location }
}
