public import Access
public import Metadata
public import OCI

/// An image with everything that is known of it.
public struct ImageDetails: Sendable {
  public let repository: RepositoryName
  /// Nil when it was asked for by digest.
  public let tag: Tag?
  public let digest: Digest
  public let mediaType: MediaType
  /// Nil until they are read, within a second after the push.
  public let facts: ImageFacts?
  public let labels: [LabelRow]
  /// Of an index: its images, in their order.
  public let images: [(descriptor: Descriptor, facts: ImageFacts?)]
}

// Labels that people set, and facts as they are shown.
extension Registry {
  /// An image by tag or digest.
  ///
  /// - Throws: `MANIFEST_UNKNOWN`.
  public func details(of reference: Reference, permit: Permit<Pull>) async throws -> ImageDetails {
    let repository = permit.repository
    let found = try await database.read { transaction -> ImageDetails? in
      guard let id = try transaction.repository(named: repository),
        let manifest = try transaction.manifest(reference, in: repository, known: nil)
      else { return nil }
      var children: [Descriptor] = []
      if manifest.mediaType.isIndex, let bytes = manifest.bytes {
        children =
          bytes.withUnsafeBytes { try? Manifest(parsing: $0, contentType: manifest.mediaType) }?.manifests ?? []
      }
      let facts = try transaction.imageFacts(of: [manifest.digest] + children.map(\.digest), in: id)
      let tag: Tag? = if case .tag(let tag) = reference { tag } else { nil }
      let targets = [LabelTarget.digest(manifest.digest)] + (tag.map { [.tag($0)] } ?? [])
      return ImageDetails(
        repository: repository, tag: tag, digest: manifest.digest, mediaType: manifest.mediaType,
        facts: facts[manifest.digest], labels: try transaction.labels(of: targets, in: id),
        images: children.map { ($0, facts[$0.digest]) })
    }
    guard let found else { throw Self.unknownTarget(reference.description, repository) }
    return found
  }

  private static func unknownTarget(_ target: String, _ repository: RepositoryName) -> RegistryError {
    RegistryError(
      .manifestUnknown, "\(repository) has no tag or manifest \(target)", details: [["reference": .string(target)]])
  }

  /// The labels of a tag or of a digest.
  ///
  /// - Throws: `MANIFEST_UNKNOWN`.
  public func labels(of target: LabelTarget, permit: Permit<Pull>) async throws -> [LabelRow] {
    let repository = permit.repository
    let found = try await database.read { transaction -> [LabelRow]? in
      guard let id = try transaction.repository(named: repository), try transaction.hasTarget(target, id) else {
        return nil
      }
      return try transaction.labels(of: [target], in: id)
    }
    guard let found else { throw Self.unknownTarget(target.description, repository) }
    return found
  }

  /// Changes of labels, the newest first; also of a tag that is gone.
  public func labelHistory(
    of target: LabelTarget, before: Int64, limit: Int, permit: Permit<Pull>
  ) async throws -> [LabelEvent] {
    let repository = permit.repository
    let found = try await database.read { transaction -> [LabelEvent]? in
      guard let id = try transaction.repository(named: repository) else { return nil }
      return try transaction.labelEvents(of: target, in: id, before: before, limit: limit)
    }
    guard let found else { throw Self.unknownName(repository) }
    return found
  }

  /// Sets labels, and takes those away whose value is nil. Answers those that are there then.
  ///
  /// - Throws: ``AdministrationError`` for keys and values that are none; `MANIFEST_UNKNOWN`.
  public func setLabels(
    _ changes: [String: String?], on target: LabelTarget, reason: String?, permit: Permit<Push>
  ) async throws -> [LabelRow] {
    guard (1...LabelRow.countLimit).contains(changes.count) else {
      throw AdministrationError(.invalid, "set 1 to \(LabelRow.countLimit) labels")
    }
    for (key, value) in changes.sorted(by: { $0.key < $1.key }) { try Self.check(key, value) }
    let repository = permit.repository
    let outcome = try await database.write { transaction -> (LabelOutcome, [LabelRow]) in
      guard let id = try transaction.repository(named: repository) else { return (.noTarget, []) }
      let outcome = try transaction.setLabels(changes, on: target, in: id, by: permit.origin, reason: reason)
      if case .changed(let done) = outcome, !done.isEmpty {
        try transaction.recordLabels(done, target, reason, permit)
      }
      return (outcome, try transaction.labels(of: [target], in: id))
    }
    switch outcome.0 {
    case .changed: return outcome.1
    case .noTarget: throw Self.unknownTarget(target.description, repository)
    case .tooMany:
      throw AdministrationError(.invalid, "a tag or a digest has at most \(LabelRow.countLimit) labels")
    }
  }

  /// A key is letters, digits, `.`, `_`, `-` and `/`, the first and the last a letter or a digit.
  private static func check(_ key: String, _ value: String?) throws {
    let bytes = Array(key.utf8)
    func isAlphanumeric(_ byte: UInt8) -> Bool {
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
    guard (1...LabelRow.keyLimitBytes).contains(bytes.count), bytes.first.map(isAlphanumeric) ?? false,
      bytes.last.map(isAlphanumeric) ?? false,
      bytes.allSatisfy({ isAlphanumeric($0) || [0x2D, 0x2E, 0x2F, 0x5F].contains($0) })
    else {
      throw AdministrationError(
        .invalid,
        "a label's key has 1 to \(LabelRow.keyLimitBytes) letters, digits, '.', '_', '-' and '/', the first and the last a letter or a digit"
      )
    }
    guard let value else { return }
    let isPlain = value.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F && $0.value < 0x10FFFE }
    guard value.utf8.count <= LabelRow.valueLimitBytes, isPlain else {
      throw AdministrationError(
        .invalid, "the value of “\(key)” must have at most \(LabelRow.valueLimitBytes) bytes and no control characters")
    }
  }
}

extension Transaction {
  fileprivate func recordLabels(
    _ changes: [(key: String, from: String?, to: String?)], _ target: LabelTarget, _ reason: String?,
    _ permit: Permit<Push>
  ) throws {
    let repository = permit.repository
    let set = changes.map { JSONObject.Member(key: $0.key, value: $0.to.map { .string($0) } ?? .null) }
    var detail: JSONObject = ["set": .object(JSONObject(set))]
    if let reason { detail.append("reason", .string(reason)) }
    let mark = if case .tag = target { ":" } else { "@" }
    try record(
      AuditEntry(
        "label.set", by: permit.origin, namespace: repository.namespace, target: "\(repository)\(mark)\(target)",
        detail: JSONValue.object(detail).text))
  }
}
