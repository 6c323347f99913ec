extension SearchTerm {
  /// The manifests of images, and of indexes that list one, whose inventory has what is asked for: rows with `id`. Nil for terms that
  /// ask nothing of inventories.
  var inspectedManifests: SQL? {
    let images: SQL
    switch self {
    case .packages(let keys):
      images = """
        SELECT DISTINCT i.digest FROM image_package u JOIN image_inventory i ON i.id = u.image_id
        WHERE u.package_id IN (
          SELECT CAST(value AS BIGINT) FROM {LIST}(CAST(\(Transaction.list(keys.map { String($0) })) AS {JSON})))
        """
    case .vulnerability(let name):
      // What belongs to a package of the operating system is judged there.
      images = """
        SELECT DISTINCT i.digest FROM advisory_alias a JOIN finding d ON d.advisory_id = a.advisory_id
          JOIN image_package u ON u.package_id = d.package_id JOIN image_inventory i ON i.id = u.image_id
        WHERE a.alias = \(name) AND u.owned_by IS NULL AND d.state <> 'undecidable'
        """
    default: return nil
    }
    return """
      SELECT held.id FROM (\(images)) n JOIN manifest held ON held.digest = n.digest
      UNION
      SELECT listed.manifest_id AS id FROM (\(images)) n JOIN manifest_child listed ON listed.digest = n.digest
      """
  }
}
