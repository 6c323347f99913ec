import Access
import BlobStorage
import Logging
import Metadata
import NIOCore
import NIOHTTP1
import OCI
import RegistryCore

/// An answer that HTTP itself asks for, beside the registry's own errors.
struct Refusal: Error {
  let status: HTTPResponseStatus
  let code: ErrorCode
  let message: String
  var headers: [(name: String, value: String)]

  init(
    _ status: HTTPResponseStatus, _ code: ErrorCode, _ message: String, headers: [(name: String, value: String)] = []
  ) {
    self.status = status
    self.code = code
    self.message = message
    self.headers = headers
  }
}

// The one place that turns an error into HTTP.
extension RegistryRoutes {
  func failure(_ error: any Error, _ request: Request) -> Response {
    switch error {
    case let error as Refusal: return envelope(error.status, error.code, error.message, [], headers: error.headers)
    case let error as RegistryError:
      if let cause = error.cause {
        logger.error("request failed", metadata: ["id": "\(request.id)", "cause": "\(cause)"])
      }
      if let tag = error.refusedTag { noteRefusal(error.message, of: tag, request) }
      return envelope(Self.status(error.code), error.code, error.message, error.details)
    case let error as AccessDenied: return denied(error, request)
    case let error as AuthenticationFailure: return unauthenticated(error, request)
    case let error as AdministrationError: return problem(error, request)
    case let error as PasswordHasher.Busy: return wait(.seconds(1), .tooManyRequests, error.description)
    case let error as ReleaseRefusal:
      noteRefusal(error.description, rules: error.failures.map(\.rule), request)
      return refused(error)
    case let error as StorageError: return failure(Self.translated(error), request)
    case let interruption as RequestBody.Interruption:
      let status: HTTPResponseStatus = interruption == .malformed ? .badRequest : .requestTimeout
      return envelope(status, .blobUploadInvalid, "\(interruption)", [])
    case let error as DiskError where error.isOutOfSpace: return outOfSpace(error, request)
    case DatabaseError.outOfSpace: return outOfSpace(error, request)
    case DatabaseError.unavailable, DatabaseError.conflict, DatabaseError.outcomeUnknown:
      return unavailable("the database cannot be reached for the moment; try again", error, request)
    case DatabaseError.readOnly:
      return unavailable("the database takes no writes for the moment; try again", error, request)
    case DatabaseError.moved:
      return unavailable("the registry was moved: push to its new place, which its operators know", error, request)
    case ObjectStoreError.unavailable, ObjectStoreError.wrongLength:
      return unavailable("the object store cannot be reached for the moment; try again", error, request)
    default:
      logger.error("request failed", metadata: ["id": "\(request.id)", "cause": "\(error)"])
      return envelope(
        .internalServerError, .unknown,
        "the registry failed to do this; its log has the cause under request \(request.id)", [])
    }
  }

  /// A release that does not meet its rules: all of them, each with its reason.
  private func refused(_ error: ReleaseRefusal) -> Response {
    var response = envelope(.conflict, .denied, error.description, [])
    response.problemMembers.append(
      "failures",
      .array(
        error.failures.map { failure in
          [
            "rule": .string(failure.rule), "image": failure.image.map { .string($0) } ?? .null,
            "message": .string(failure.message),
          ]
        }))
    return response
  }

  private static func translated(_ error: StorageError) -> any Error {
    switch error {
    case .blobUnknown(let digest): RegistryError(.blobUnknown, "there is no blob \(digest)")
    case .uploadUnknown: RegistryError(.blobUploadUnknown, "this upload is unknown")
    case .uploadBusy: RegistryError(.unavailable, "another request is writing to this upload")
    case .offsetMismatch(let current): RegistryError(.rangeInvalid, "the next byte of this upload is \(current)")
    case .digestMismatch: RegistryError(.digestInvalid, "the bytes do not have this digest")
    case .tooLarge(let limit): RegistryError(.sizeInvalid, "a blob may have at most \(limit) bytes here")
    }
  }

  private func unavailable(_ message: String, _ error: any Error, _ request: Request) -> Response {
    logger.error("a part is not available", metadata: ["id": "\(request.id)", "cause": "\(error)"])
    return envelope(.serviceUnavailable, .unavailable, message, [])
  }

  private func outOfSpace(_ error: any Error, _ request: Request) -> Response {
    logger.error("no space is left", metadata: ["id": "\(request.id)", "cause": "\(error)"])
    return envelope(
      .insufficientStorage, .insufficientStorage,
      "the registry has no space left; nothing of this request was kept, and pulls go on; tell its operator", [])
  }

  static func status(_ code: ErrorCode) -> HTTPResponseStatus {
    switch code {
    case .blobUnknown, .blobUploadUnknown, .manifestUnknown, .nameUnknown: .notFound
    case .blobUploadInvalid, .digestInvalid, .manifestBlobUnknown, .manifestInvalid, .nameInvalid, .tagInvalid,
      .paginationNumberInvalid:
      .badRequest
    case .sizeInvalid: .payloadTooLarge
    case .unauthorized: .unauthorized
    case .denied: .forbidden
    case .unsupported: .methodNotAllowed
    case .tooManyRequests: .tooManyRequests
    case .rangeInvalid: .rangeNotSatisfiable
    case .unavailable: .serviceUnavailable
    case .insufficientStorage: .insufficientStorage
    case .unknown: .internalServerError
    }
  }

  func envelope(
    _ status: HTTPResponseStatus, _ code: ErrorCode, _ message: String, _ details: [JSONValue],
    headers: [(name: String, value: String)] = []
  ) -> Response {
    let error: @Sendable (JSONValue?) -> JSONValue = { detail in
      var object: JSONObject = ["code": .string(code.rawValue), "message": .string(message)]
      if let detail { object.append("detail", detail) }
      return .object(object)
    }
    let errors = details.isEmpty ? [error(nil)] : details.map { error($0) }
    let body: JSONValue = ["errors": .array(errors)]
    var response = Response.json(status, body.bytes)
    response.headers.append(Self.apiVersion)
    response.headers += headers
    if status == .tooManyRequests || status == .serviceUnavailable { response.headers.append(("retry-after", "1")) }
    response.note = "\(code.rawValue): \(message)"
    response.message = message
    return response
  }

  func refusal(_ status: HTTPResponseStatus, _ message: String) -> Response {
    envelope(status, .unsupported, message, [])
  }
}
