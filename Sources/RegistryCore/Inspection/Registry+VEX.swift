internal import BlobStorage
internal import Logging
public import Metadata
internal import NIOCore
public import OCI
internal import Scanning

// What vendors and teams say of vulnerabilities in products: uploaded for a namespace, or attached to an image.
extension Registry {
  /// Of a VEX document. Those of whole distributions have some megabytes.
  public static let vexLimitBytes = 32 << 20

  /// What a document says, as rows.
  ///
  /// - Throws: ``ParseError`` for what is no VEX, or takes away what it gives no reason for.
  public func vexRows(_ bytes: [UInt8], named name: String) throws(ParseError) -> [VEXRow] {
    let read = bytes.withUnsafeBytes { bytes -> Result<VEXDocument, ParseError> in
      do throws(ParseError) { return .success(try VEXReader.document(bytes)) } catch { return .failure(error) }
    }
    let document = try read.get()
    // OpenVEX 0.2.0, "Status Labels": a justification or an impact statement must be there.
    let unfounded = document.statements.first {
      document.format == .openVEX && $0.status == .notAffected && $0.justification.isEmpty && $0.detail.isEmpty
    }
    if let unfounded {
      throw ParseError(.json, "\(unfounded.vulnerability) is not_affected without a justification or impact statement.")
    }
    return VEXRow.rows(of: document, named: name, now: database.now)
  }

  /// What a manifest says that is attached to an image as VEX, or a row that tells why that cannot be read; nothing for every other
  /// manifest.
  ///
  /// - Returns: also why its document could not be had, which is worth another try.
  func attachedStatements(of due: DueFacts) async -> (rows: [VEXRow], failure: String?) {
    guard !due.mediaType.isIndex,
      let manifest = try? due.bytes.withUnsafeBytes({ try Manifest(parsing: $0, contentType: due.mediaType) }),
      let subject = manifest.subject, let layer = manifest.layers.first
    else { return ([], nil) }
    let type = manifest.artifactType?.text ?? layer.mediaType.text
    let isNamed = VEXReader.mediaTypes.contains(type)
    guard isNamed || Attestation.mediaTypes.contains(type) else { return ([], nil) }
    func unreadable(_ reason: String) -> [VEXRow] {
      logger.info(
        "a VEX document that is attached cannot be read",
        metadata: ["repository": "\(due.repository.name)", "digest": "\(due.digest)", "cause": "\(reason)"])
      return [.unreadable(due.digest, subject: subject.digest, reason, now: database.now)]
    }
    let bytes: ByteBuffer
    do {
      guard let read = try await attachedDocument(layer, due) else {
        return (isNamed ? unreadable("it has more than \(Self.vexLimitBytes) bytes") : [], nil)
      }
      bytes = read
    } catch {
      let reason = "its document \(layer.digest) cannot be had: \(error)"
      return (isNamed ? unreadable(reason) : [], reason)
    }
    let rows: [VEXRow]
    do throws(ParseError) {
      let document = try bytes.withUnsafeReadableBytes { bytes -> Result<VEXDocument, ParseError> in
        do throws(ParseError) { return .success(try VEXReader.document(bytes)) } catch { return .failure(error) }
      }.get()
      rows = VEXRow.rows(of: document, named: due.digest.description, subject: subject.digest, now: database.now)
    } catch {
      return (isNamed || Self.saysVEX(bytes) ? unreadable(error.message) : [], nil)
    }
    return (rows.isEmpty ? unreadable(Self.nothingSaid) : rows, nil)
  }

  /// Why a document is of no use that can be read.
  public static let nothingSaid = "it says nothing of a product that is named by a package URL or digest"

  /// An attestation is of anything, but tells of what.
  private static func saysVEX(_ bytes: ByteBuffer) -> Bool {
    let attestation = bytes.withUnsafeReadableBytes { try? Attestation($0) }
    return attestation?.predicateType?.hasPrefix(VEXReader.predicateType) ?? false
  }

  private struct Missing: Error, CustomStringConvertible {
    let description = "it is not here"
  }

  /// - Returns: nil when it is too large.
  private func attachedDocument(_ layer: Descriptor, _ due: DueFacts) async throws -> ByteBuffer? {
    guard layer.size <= Self.vexLimitBytes else { return nil }
    let name = due.repository.name
    guard let link = try await database.read({ try $0.blob(layer.digest, in: name) }) else { throw Missing() }
    guard link.sizeBytes <= Self.vexLimitBytes else { return nil }
    return try await store.open(link.stored(layer.digest)).collect()
  }
}
