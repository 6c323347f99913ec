/// What a request asks of an S3 server, by the names that its documentation has.
public enum S3Operation: String, Sendable, Hashable {
  case putObject, copyObject, getObject, headObject, deleteObject, deleteObjects
  case createMultipartUpload, uploadPart, uploadPartCopy, completeMultipartUpload, abortMultipartUpload
  case listObjects, listMultipartUploads, listParts
  case bucket, unknown

  /// Whether the server copies bytes that it has.
  public var isCopy: Bool { self == .copyObject || self == .uploadPartCopy }

  init(_ request: HTTPHead) {
    self.init(
      method: request.method, target: request.target, copies: request.first("x-amz-copy-source") != nil)
  }

  /// Reads a request with the bucket in its path.
  init(method: String, target: String, copies: Bool) {
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let names = Set((parts.count > 1 ? parts[1] : "").split(separator: "&").map { $0.prefix { $0 != "=" } })
    let path = parts[0].split(separator: "/", maxSplits: 1)
    let hasKey = path.count > 1 && !path[1].isEmpty
    self = hasKey ? Self.ofObject(method, names, copies: copies) : Self.ofBucket(method, names)
  }

  private static func ofObject(_ method: String, _ names: Set<Substring>, copies: Bool) -> S3Operation {
    let isPart = names.contains("uploadId")
    switch method {
    case "PUT" where isPart: return copies ? .uploadPartCopy : .uploadPart
    case "PUT": return copies ? .copyObject : .putObject
    case "POST" where names.contains("uploads"): return .createMultipartUpload
    case "POST" where isPart: return .completeMultipartUpload
    case "DELETE": return isPart ? .abortMultipartUpload : .deleteObject
    case "GET": return isPart ? .listParts : .getObject
    case "HEAD": return .headObject
    default: return .unknown
    }
  }

  private static func ofBucket(_ method: String, _ names: Set<Substring>) -> S3Operation {
    switch method {
    case "POST" where names.contains("delete"): .deleteObjects
    case "GET" where names.contains("uploads"): .listMultipartUploads
    case "GET" where names.contains("list-type") || names.contains("prefix"): .listObjects
    case "GET", "HEAD", "PUT", "DELETE": .bucket
    default: .unknown
    }
  }
}
