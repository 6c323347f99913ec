import Ground
import Metadata
import NIOCore
import NIOHTTP1
import OCI

@testable import Access
@testable import BlobStorage
@testable import HTTPService
@testable import RegistryCore

/// Something that reads what a stranger sends.
struct Target: Sendable {
  let name: String
  let seeds: [[UInt8]]
  /// Reads the bytes; stops the process where a promise does not hold.
  let check: @Sendable ([UInt8]) -> Void

  init(_ name: String, _ seeds: [String], _ check: @escaping @Sendable ([UInt8]) -> Void) {
    self.init(name, bytes: seeds.map { Array($0.utf8) }, check)
  }

  init(_ name: String, bytes: [[UInt8]], _ check: @escaping @Sendable ([UInt8]) -> Void) {
    self.name = name
    seeds = bytes
    self.check = check
  }

  static let all: [Target] =
    [
      Target("endpoint", Seeds.paths) { bytes in
        guard case .endpoint(let endpoint) = bytes.withUnsafeBufferPointer({ Endpoint.parse(utf8: $0) }) else { return }
        precondition(Endpoint.parse(path: endpoint.path) == .endpoint(endpoint))
      },
      Target("query", Seeds.queries) { bytes in
        guard let query = try? Query(parsing: text(bytes)) else { return }
        precondition(query.parameters.count <= Query.parameterLimit)
        for parameter in query.parameters {
          let again = "\(PercentCoding.encoded(parameter.name))=\(PercentCoding.encoded(parameter.value))"
          precondition((try? Query(parsing: again))?.parameters == [parameter] || parameter.name.isEmpty)
        }
      },
      Target("range", Seeds.ranges) { bytes in
        for size in [0, 1, 1000, Int64.max] {
          guard let range = RangeRequest.parse(header: text(bytes))?.resolve(size: size) else { continue }
          precondition(0 <= range.first && range.first <= range.last && range.last < size && range.count > 0)
        }
      },
      Target("content-range", Seeds.contentRanges) { bytes in
        if let range = try? ContentRange(parsing: text(bytes)) { precondition(range.count > 0 && range.first >= 0) }
      },
      Target("digest-reference", Seeds.references) { bytes in
        bytes.withUnsafeBufferPointer { raw in
          if let digest = try? Digest(parsingUTF8: raw) { precondition(Array(digest.description.utf8) == bytes) }
          if let reference = try? Reference(parsingUTF8: raw) {
            precondition(Array(reference.description.utf8) == bytes)
          }
          if let name = try? RepositoryName(parsingUTF8: raw) { precondition(Array(name.text.utf8) == bytes) }
        }
      },
      Target("media-type", Seeds.mediaTypes) { bytes in
        if let type = try? MediaType(parsing: text(bytes)) {
          precondition((try? MediaType(parsing: type.text)) == type)
        }
      },
      Target("json", Seeds.documents) { bytes in
        guard let value = try? bytes.withUnsafeBytes({ try JSONValue.parse($0) }) else { return }
        precondition((try? value.bytes.withUnsafeBytes { try JSONValue.parse($0) }) == value)
      },
      Target("authorization", Seeds.authorizations) { bytes in
        if case .basic(let user, _) = Presented(authorization: text(bytes)) { precondition(!user.contains(":")) }
        if let token = SecretToken(parsing: text(bytes)) { precondition(Array(token.text.utf8) == bytes) }
      },
      Target("signed-token", Seeds.signedTokens) { bytes in
        guard let token = try? SignedToken(parsing: text(bytes)) else { return }
        precondition(bytes.count <= SignedToken.lengthLimitBytes)
        _ = try? BearerToken(token)
        _ = try? token.check(issuer: "joe", audience: nil, now: Timestamp(microseconds: 0), skew: .zero)
        if let key = Seeds.key { _ = try? token.verify(by: key) }
      },
      Target("scope", Seeds.scopes) { bytes in
        precondition(RequestedScope.parse([text(bytes)]).count <= RequestedScope.countLimit)
        guard let pattern = RepositoryPattern(parsing: text(bytes)) else { return }
        precondition(pattern.text.utf8.count <= RepositoryPattern.lengthLimitBytes)
        if let name = try? RepositoryName(parsing: text(bytes)) { precondition(pattern.matches(name)) }
      },
      Target("search-query", Seeds.searches) { bytes in
        do throws(SearchError) {
          let query = try SearchQuery(parsing: text(bytes), now: Timestamp(microseconds: 0))
          precondition(bytes.count <= SearchQuery.lengthLimitBytes || !query.isForUntagged)
        } catch {
          precondition((1...SearchQuery.lengthLimitBytes + 1).contains(error.column))
        }
        precondition(SearchWords.of(text(bytes)).allSatisfy { $0.utf8.count <= SearchWords.lengthLimitBytes })
      },
      Target("certificate", bytes: [DER.rsaKeyInfo(modulus: Array(1...255), exponent: [1, 0, 1]), DER.p256Prefix]) {
        bytes in
        _ = ClientCertificate(der: bytes)
        _ = PublicKey(kind: .rsa, info: bytes)
        if let parts = DER.signatureParts(bytes, partBytes: 32) { precondition(parts.count == 64) }
      },
      Target("manifest", [Seeds.manifest, Seeds.index]) { bytes in
        for type in [nil, MediaType.ociManifest, .ociIndex, .dockerManifest] {
          guard let manifest = try? bytes.withUnsafeBytes({ try Manifest(parsing: $0, contentType: type) }) else {
            continue
          }
          precondition(manifest.requiredBlobs.count <= manifest.layers.count + manifest.manifests.count + 1)
        }
      },
      Target("forwarded", Seeds.forwarded) { bytes in
        let value = text(bytes)
        for name in ["forwarded", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix"] {
          let headers = HTTPHeaders([(name, value), ("host", value)])
          guard let origin = ForwardedOrigin(headers) else { continue }
          precondition(origin.text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x3C && $0 != 0x40 })
        }
        _ = EntityTag.isListed("\"x\"", in: HTTPHeaders([("if-none-match", value)]), "if-none-match")
        precondition(ResponseHead.cleaned(value).utf8.allSatisfy { $0 >= 0x20 })
        var line: [UInt8] = []
        RequestLog.escape(value, &line)
        precondition(line.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
      },
      uploadToken, journal,
    ] + scanning + records

  private static let uploadToken: Target = {
    let key = [UInt8](repeating: 7, count: 32)
    guard let name = try? RepositoryName(parsing: "acme/api") else { fatalError("a valid name") }
    let own = UploadToken(for: name, key: key, now: SystemTime().now, random: SeededRandom(seed: 1))
    return Target("upload-token", Seeds.tokens + [own.text]) { bytes in
      guard let token = UploadToken(text(bytes), for: name, key: key) else { return }
      precondition(token.text == own.text, "a token that was not given out")
    }
  }()

  private static let journal: Target = {
    func record(_ algorithm: Digest.Algorithm, _ content: String) -> [UInt8] {
      let content = Array(content.utf8)
      let digest = content.withUnsafeBytes { Digest.computing(algorithm, over: $0) }
      let length = withUnsafeBytes(of: UInt32(content.count).littleEndian) { Array($0) }
      return length + [algorithm == .sha256 ? 1 : 2] + digest.withBytes { Array($0) } + content
    }
    let seeds = [record(.sha256, "hello"), record(.sha512, ""), record(.sha256, "") + record(.sha512, "world")]
    return Target("journal-record", bytes: seeds) { bytes in
      bytes.withUnsafeBytes { window in
        guard let (digest, content) = Journal.record(in: window) else { return }
        precondition(Digest.computing(digest.algorithm, over: content) == digest)
      }
    }
  }()

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
