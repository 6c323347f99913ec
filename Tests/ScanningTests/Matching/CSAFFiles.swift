import OCI

@testable import Scanning

/// Documents of CSAF for tests, and what they come to.
enum CSAFFiles {
  /// Of a sample of Red Hat, without the beginning and end that all their names have.
  static func advisories(_ name: String) throws -> [Advisory] {
    try (try VEXFiles.all()["redhat-csaf-\(name).json"] ?? []).withUnsafeBytes { try CSAFReader.advisories($0) }
  }

  static func read(_ text: String) throws -> [Advisory] {
    try Array(text.utf8).withUnsafeBytes { try CSAFReader.advisories($0) }
  }

  /// What advisories say of a package in an image: its state, and the version that mends it.
  static func said(_ advisories: [Advisory], of component: Component, in distribution: Distribution) -> [String] {
    guard case .success(let subjects) = AdvisorySubject.of(component, in: distribution) else { return ["not judged"] }
    var found: Set<String> = []
    for affected in advisories.flatMap(\.affected) {
      for subject in subjects where subject.ecosystem == affected.ecosystem && subject.name == affected.name {
        switch affected.verdict(subject.version) {
        case .affected(let fixed): found.insert(affected.state.rawValue + (fixed.map { " \($0)" } ?? ""))
        case .undecidable(let why): found.insert(why)
        case .notAffected: break
        }
      }
    }
    return found.sorted()
  }

  /// A document in which every package is in every product, by the name `product:package`.
  static func document(
    id: String, vendor: String = "https://www.redhat.com", _ products: [(name: String, cpe: String)],
    _ packages: [(name: String, purl: String)], vulnerabilities: String, groups: [String: [String]] = [:]
  ) -> String {
    let tree =
      products.map {
        #"{"category":"product_name","name":"\#($0.name)","product":{"name":"\#($0.name)","product_id":"\#($0.name)","product_identification_helper":{"cpe":"\#($0.cpe)"}}}"#
      }
      + packages.map {
        #"{"category":"product_version","name":"\#($0.name)","product":{"name":"\#($0.name)","product_id":"\#($0.name)","product_identification_helper":{"purl":"\#($0.purl)"}}}"#
      }
    let relations = products.flatMap { product in
      packages.map { package in
        #"{"category":"default_component_of","full_product_name":{"name":"x","product_id":"\#(product.name):\#(package.name)"},"product_reference":"\#(package.name)","relates_to_product_reference":"\#(product.name)"}"#
      }
    }
    let lists = groups.map { name, ids in
      #"{"group_id":"\#(name)","product_ids":[\#(ids.map { "\"\($0)\"" }.joined(separator: ","))]}"#
    }
    return """
      {"document":{"category":"csaf_vex","csaf_version":"2.0","title":"T","aggregate_severity":{"text":"Important"},
      "publisher":{"category":"vendor","name":"V","namespace":"\(vendor)"},
      "tracking":{"id":"\(id)","status":"final","current_release_date":"2026-01-02T03:04:05Z"}},
      "product_tree":{"branches":[{"category":"vendor","name":"V","branches":[\(tree.joined(separator: ","))]}],
      "relationships":[\(relations.joined(separator: ","))],"product_groups":[\(lists.joined(separator: ","))]},
      "vulnerabilities":[\(vulnerabilities)]}
      """
  }
}
