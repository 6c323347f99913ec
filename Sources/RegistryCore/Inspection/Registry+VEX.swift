internal import BlobStorage
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

  /// What a manifest says that is attached to an image as VEX; nothing for every other manifest, and for what cannot be read.
  func attachedStatements(of due: DueFacts) async throws -> [VEXRow] {
    guard !due.mediaType.isIndex,
      let manifest = try? due.bytes.withUnsafeBytes({ try Manifest(parsing: $0, contentType: due.mediaType) }),
      let subject = manifest.subject, let layer = manifest.layers.first,
      Self.vexTypes.contains(manifest.artifactType?.text ?? layer.mediaType.text), layer.size <= Self.vexLimitBytes
    else { return [] }
    let name = due.repository.name
    guard let link = try await database.read({ try $0.blob(layer.digest, in: name) }),
      link.sizeBytes <= Self.vexLimitBytes
    else { return [] }
    let bytes = try await store.open(link.stored(layer.digest)).collect()
    guard let document = bytes.withUnsafeReadableBytes({ try? VEXReader.document($0) }) else { return [] }
    return VEXRow.rows(of: document, named: due.digest.description, subject: subject.digest, now: database.now)
  }

  private static let vexTypes = Set(VEXReader.mediaTypes + Attestation.mediaTypes)
}
