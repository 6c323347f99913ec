import Foundation
import TestSupport
import Testing

struct TagList: Decodable {
  let name: String
  let tags: [String]
}

struct Catalog: Decodable {
  let repositories: [String]
}

struct ReferrersList: Decodable {
  struct Descriptor: Decodable {
    let mediaType: String
    let digest: String
    let size: Int
    let artifactType: String?
    let annotations: [String: String]?
  }

  let schemaVersion: Int
  let mediaType: String
  let manifests: [Descriptor]
}

struct ErrorEnvelope: Decodable {
  struct Entry: Decodable {
    let code: String
    let message: String?
  }

  let errors: [Entry]
}

extension RawResponse {
  func decoded<Value: Decodable>(_ type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: Data(body))
  }

  /// The first code of the error envelope.
  var errorCode: String? { (try? decoded(ErrorEnvelope.self))?.errors.first?.code }

  /// The `Location` as a request target: what it names relative to the registry's own address.
  func locationTarget(_ sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
    let location = try #require(first("Location"), "no Location in \(self)", sourceLocation: sourceLocation)
    guard let range = location.range(of: "://") else { return location }
    let rest = location[range.upperBound...]
    return rest.firstIndex(of: "/").map { String(rest[$0...]) } ?? "/"
  }

  /// The target of `Link: <…>; rel="next"`.
  var nextPage: String? {
    guard let link = first("Link"), link.contains("rel=\"next\"") || link.contains("rel=next"),
      let open = link.firstIndex(of: "<"), let close = link.firstIndex(of: ">")
    else { return nil }
    let target = String(link[link.index(after: open)..<close])
    guard let range = target.range(of: "://") else { return target }
    let rest = target[range.upperBound...]
    return rest.firstIndex(of: "/").map { String(rest[$0...]) }
  }
}

extension String {
  /// This target with one more query parameter; the value is percent-encoded as Go's clients do it.
  func adding(_ name: String, _ value: String) -> String {
    let allowed = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")
    let encoded = value.addingPercentEncoding(withAllowedCharacters: allowed) ?? value
    return self + (contains("?") ? "&" : "?") + name + "=" + encoded
  }
}

/// Expects an answer with a status and one of some error codes in the envelope of the specification.
func expectError(
  _ answer: RawResponse, _ statuses: Set<Int>, _ codes: Set<String> = [],
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(statuses.contains(answer.status), "\(answer)", sourceLocation: sourceLocation)
  guard let envelope = try? answer.decoded(ErrorEnvelope.self), let first = envelope.errors.first else {
    Issue.record("no error envelope: \(answer)", sourceLocation: sourceLocation)
    return
  }
  let isWellFormed = first.code.allSatisfy { $0 == "_" || $0.isUppercase || $0.isNumber }
  #expect(isWellFormed, "\(answer)", sourceLocation: sourceLocation)
  if !codes.isEmpty { #expect(codes.contains(first.code), "\(answer)", sourceLocation: sourceLocation) }
}
