/// The codes of the error envelope.
///
/// Source: distribution-spec, "Error Codes"; the last group is not in it, but registries in use answer with such codes,
/// and clients show any code they do not know.
public enum ErrorCode: String, Sendable, Hashable, CaseIterable {
  case blobUnknown = "BLOB_UNKNOWN"
  case blobUploadInvalid = "BLOB_UPLOAD_INVALID"
  case blobUploadUnknown = "BLOB_UPLOAD_UNKNOWN"
  case digestInvalid = "DIGEST_INVALID"
  case manifestBlobUnknown = "MANIFEST_BLOB_UNKNOWN"
  case manifestInvalid = "MANIFEST_INVALID"
  case manifestUnknown = "MANIFEST_UNKNOWN"
  case nameInvalid = "NAME_INVALID"
  case nameUnknown = "NAME_UNKNOWN"
  case sizeInvalid = "SIZE_INVALID"
  case unauthorized = "UNAUTHORIZED"
  case denied = "DENIED"
  case unsupported = "UNSUPPORTED"
  case tooManyRequests = "TOOMANYREQUESTS"

  case tagInvalid = "TAG_INVALID"
  case rangeInvalid = "RANGE_INVALID"
  case paginationNumberInvalid = "PAGINATION_NUMBER_INVALID"
  case unavailable = "UNAVAILABLE"
  case insufficientStorage = "INSUFFICIENT_STORAGE"
  case unknown = "UNKNOWN"
}

/// The body of every error answer of `/v2`.
///
/// Source: distribution-spec, "Error Codes".
public enum ErrorEnvelope {
  /// `{"errors":[{"code":…,"message":…,"detail":…}]}`; `detail` is left out when nil.
  public static func errorBody(code: ErrorCode, message: String, detail: JSONValue? = nil) -> [UInt8] {
    var error: JSONObject = ["code": .string(code.rawValue), "message": .string(message)]
    if let detail { error.append("detail", detail) }
    let envelope: JSONValue = ["errors": [.object(error)]]
    return envelope.bytes
  }
}
