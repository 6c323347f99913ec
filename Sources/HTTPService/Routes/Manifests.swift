import Access
import NIOCore
import NIOHTTP1
import OCI
import RegistryCore

// `/v2/<name>/manifests/<reference>`: end-3, end-7, end-9.
extension RegistryRoutes {
  func manifestAtHand(
    _ request: Request, _ caller: Caller, _ name: RepositoryName, _ reference: Reference
  ) -> Response? {
    guard let permit = access.policy.permitAtHand(Pull.self, on: name, for: caller),
      let manifest = registry.manifestAtHand(reference, permit: permit)
    else { return nil }
    guard Self.isForPolicy(request) else { return present(manifest, request, reference, permit) }
    guard let verdict = registry.pullVerdictAtHand(manifest, permit: permit), verdict.blocks.isEmpty else { return nil }
    return present(manifest, request, reference, permit, verdict.warnings)
  }

  func getManifest(_ request: Request, _ name: RepositoryName, _ reference: Reference) async throws -> Response {
    let permit = try await permit(Pull.self, name, request)
    let isForPolicy = Self.isForPolicy(request)
    let manifest = try await registry.manifest(reference, isGivenOut: isForPolicy, permit: permit)
    guard isForPolicy else { return present(manifest, request, reference, permit) }
    let verdict = try await registry.pullVerdict(manifest, permit: permit)
    guard verdict.blocks.isEmpty else {
      let reasons = verdict.blocks.map(\.message).joined(separator: "; ")
      if request.method == .GET {
        access.noteRefusedPull(reference, manifest.digest, reasons: verdict.blocks.map(\.rule), permit: permit)
      }
      throw RegistryError(
        .denied, "the policy of \(name.namespace) does not give out \(name)@\(manifest.digest): \(reasons)",
        details: verdict.blocks.map { ["rule": .string($0.rule), "reason": .string($0.message)] })
    }
    return present(manifest, request, reference, permit, verdict.warnings)
  }

  /// Whether the policy for pulls is asked.
  ///
  /// Whether a manifest is there may be asked of everything: a refusal with its reasons is for who would have it, and of a
  /// refused HEAD most clients show the status alone. Docker's engine repeats it as GET and shows the reasons; after a HEAD
  /// that is answered it takes the refused GET for a fault of the registry, and says so. With containerd's image store it
  /// asks as containerd does, which takes everything.
  private static func isForPolicy(_ request: Request) -> Bool {
    guard request.method != .GET else { return true }
    return request.header("user-agent")?.hasPrefix("docker/") ?? false
      && !request.headers["accept"].contains { $0.contains("*/*") }
  }

  /// Served as it was pushed, whatever `Accept` says: every client takes what it finds, and a conversion would change the
  /// digest.
  private func present(
    _ manifest: CachedManifest, _ request: Request, _ reference: Reference, _ permit: Permit<Pull>,
    _ warnings: [PolicyReason] = []
  ) -> Response {
    if request.method == .GET {
      access.notePull(reference, manifest.source, permit: permit)
      if !warnings.isEmpty { access.noteWarnedPull(manifest.source, reasons: warnings.map(\.rule), permit: permit) }
      registry.notePull(of: manifest.source, in: permit.repository)
    }
    let digest = manifest.digest.description
    let tag = "\"\(digest)\""
    var headers = [
      (name: "content-type", value: manifest.mediaType.text), (name: "docker-content-digest", value: digest),
      (name: "etag", value: tag), Self.apiVersion,
    ]
    for warning in warnings { headers.append((name: "warning", value: Self.warning(warning.message))) }
    if EntityTag.isListed(tag, in: request.headers, "if-none-match") { return Response(.notModified, headers: headers) }
    return Response(.ok, headers: headers, body: .bytes(manifest.body))
  }

  func putManifest(_ request: Request, _ name: RepositoryName, _ reference: Reference) async throws -> Response {
    _ = try await permit(Push.self, name, request)
    let limit = registry.settings.manifestLimitBytes
    if let length = request.contentLength, length > Int64(limit) { throw registry.manifestTooLarge() }
    let tags = try tagParameters(request, reference)
    let contentType = try mediaType(request)
    guard let bytes = try await request.body.collect(limit: limit) else {
      throw registry.manifestTooLarge()
    }
    // While the body came, the right may have been taken away.
    let current = try await self.permit(Push.self, name, renewed(request))
    let pushed = try await registry.pushManifest(
      bytes, as: reference, tags: tags, contentType: contentType, permit: current)
    var headers = [
      (name: "location", value: location(request, "/v2/\(name)/manifests/\(pushed.digest)")),
      (name: "docker-content-digest", value: pushed.digest.description), Self.apiVersion,
    ]
    if let subject = pushed.subject { headers.append((name: "oci-subject", value: subject.description)) }
    if pushed.missingCount > 0 {
      let text =
        "\(name) does not have \(pushed.missingCount) of what this manifest names; who pulls all of it fails until it does"
      headers.append((name: "warning", value: Self.warning(text)))
    }
    for held in pushed.heldChannels {
      let text =
        "\(held.tag) of \(name) stays at \(held.version), whose tag is deleted; berth tag delete \(name):\(held.tag) lets it follow the next push"
      headers.append((name: "warning", value: Self.warning(text)))
    }
    if case .digest = reference { headers += pushed.tags.map { (name: "oci-tag", value: $0.text) } }
    return Response(.created, headers: headers)
  }

  /// The value of a warning's header: printable ASCII, and no more of it than clients take.
  ///
  /// Source: distribution-spec, "Warnings"; RFC 7234, section 5.5, code 299.
  static func warning(_ text: String) -> String {
    let plain = text.utf8.prefix(Self.warningLimitBytes).map { byte -> UInt8 in
      (0x20...0x7E).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
        ? byte : UInt8(ascii: "?")
    }
    return "299 - \"\(String(decoding: plain, as: UTF8.self))\""
  }

  private static let warningLimitBytes = 512

  /// The `tag` parameters of a push by digest. A push by tag has its one tag already, and they mean nothing there.
  private func tagParameters(_ request: Request, _ reference: Reference) throws -> [Tag] {
    guard case .digest = reference else { return [] }
    let texts = try query(request).all("tag")
    guard texts.count <= Registry.tagsInPushLimit else {
      throw Refusal(
        .uriTooLong, .tagInvalid, "one push can name at most \(Registry.tagsInPushLimit) tags; push the rest after it")
    }
    var tags: [Tag] = []
    for text in texts {
      do throws(ParseError) {
        let tag = try Tag(parsing: text)
        if !tags.contains(tag) { tags.append(tag) }
      } catch {
        throw RegistryError(error, as: .tagInvalid)
      }
    }
    return tags
  }

  private func mediaType(_ request: Request) throws -> MediaType? {
    guard let text = request.header("content-type"), !text.isEmpty else { return nil }
    do throws(ParseError) {
      return try MediaType(parsing: text)
    } catch {
      throw RegistryError(error, as: .manifestInvalid)
    }
  }

  func deleteManifest(_ request: Request, _ name: RepositoryName, _ reference: Reference) async throws -> Response {
    let permit = try await permit(Delete.self, name, request)
    switch reference {
    case .tag(let tag): try await registry.deleteTag(tag, permit: permit)
    case .digest(let digest): try await registry.deleteManifest(digest, permit: permit)
    }
    return Response(.accepted, headers: [Self.apiVersion])
  }
}

/// Entity tags in conditions (RFC 9110, section 8.8.3). Ours are the quoted digest, and strong.
enum EntityTag {
  static func isListed(_ tag: String, in headers: HTTPHeaders, _ name: String) -> Bool {
    guard let first = headers.first(name: name) else { return false }
    if first == tag || first == "*" { return true }
    return headers[canonicalForm: name].contains { item in
      item == tag || item == "*" || (item.hasPrefix("W/") && item.dropFirst(2) == tag)
    }
  }
}
