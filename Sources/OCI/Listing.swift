/// The bodies of the answers that list something.
///
/// The order of what is given is the order of what is written.
///
/// Source: distribution-spec, "Content Discovery".
public enum Listing {
  /// `{"name":…,"tags":[…]}`, end-8
  public static func tags(of name: RepositoryName, _ tags: some Sequence<Tag>) -> [UInt8] {
    let body: JSONValue = ["name": .string(name.text), "tags": .array(tags.map { .string($0.text) })]
    return body.bytes
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
