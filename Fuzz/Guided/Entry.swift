// Compiled into one module with the sources of OCI by Fuzz/run, so that libFuzzer sees all their branches.

/// The first byte chooses the parser, the rest is what it reads.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count > 0 else { return 0 }
  let bytes = UnsafeBufferPointer(start: start + 1, count: count - 1)
  let text = String(decoding: bytes, as: UTF8.self)
  switch start[0] % 9 {
  case 0:
    if case .endpoint(let endpoint) = Endpoint.parse(utf8: bytes) {
      precondition(Endpoint.parse(path: endpoint.path) == .endpoint(endpoint))
    }
  case 1: if let query = try? Query(parsing: text) { precondition(query.parameters.count <= Query.parameterLimit) }
  case 2:
    if let range = RangeRequest.parse(header: text)?.resolve(size: 1000) {
      precondition(range.first <= range.last && range.last < 1000)
    }
  case 3: if let range = try? ContentRange(parsing: text) { precondition(range.count > 0) }
  case 4: if let digest = try? Digest(parsingUTF8: bytes) { precondition(digest.description == text) }
  case 5: if let reference = try? Reference(parsingUTF8: bytes) { precondition(reference.description == text) }
  case 6: if let type = try? MediaType(parsing: text) { precondition((try? MediaType(parsing: type.text)) == type) }
  case 7:
    if let value = try? JSONValue.parse(UnsafeRawBufferPointer(bytes)) {
      let again = value.bytes.withUnsafeBytes { try? JSONValue.parse($0) }
      precondition(again == value)
    }
  default:
    for type in [nil, MediaType.ociManifest, .ociIndex] {
      if let manifest = try? Manifest(parsing: UnsafeRawBufferPointer(bytes), contentType: type) {
        precondition(manifest.requiredBlobs.count <= manifest.layers.count + manifest.manifests.count + 1)
      }
    }
  }
  return 0
}
