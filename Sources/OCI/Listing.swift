/// The bodies of the answers that list something.
///
/// The order of what is given is the order of what is written.
///
/// Source: distribution-spec, "Content Discovery".
public enum Listing {
  /// `{"name":…,"tags":[…]}`, end-8
  public static func tags(of name: RepositoryName, _ tags: TagList) -> [UInt8] {
    // Neither a name nor a tag holds what JSON escapes.
    let head = Array("{\"name\":\"\(name.text)\",\"tags\":[".utf8)
    let size = head.count + tags.joined.count + 2 * tags.count + 2
    return Array(unsafeUninitializedCapacity: size) { body, count in
      func add(_ byte: UInt8) {
        body.initializeElement(at: count, to: byte)
        count += 1
      }
      for byte in head { add(byte) }
      if tags.count > 0 {
        add(ASCII.quote)
        for byte in tags.joined {
          guard byte == TagList.comma else {
            add(byte)
            continue
          }
          add(ASCII.quote)
          add(byte)
          add(ASCII.quote)
        }
        add(ASCII.quote)
      }
      add(UInt8(ascii: "]"))
      add(UInt8(ascii: "}"))
    }
  }

  /// `{"repositories":[…]}`
  public static func catalog(_ names: some Sequence<RepositoryName>) -> [UInt8] {
    let body: JSONValue = ["repositories": .array(names.map { .string($0.text) })]
    return body.bytes
  }

  /// An OCI index of the descriptors of all that refer to a manifest, end-12. Its media type is ``MediaType/ociIndex``.
  public static func referrers(_ descriptors: some Sequence<Descriptor>) -> [UInt8] {
    let body: JSONValue = [
      "schemaVersion": 2, "mediaType": .string(MediaType.ociIndex.text),
      "manifests": .array(descriptors.map(\.json)),
    ]
    return body.bytes
  }
}
