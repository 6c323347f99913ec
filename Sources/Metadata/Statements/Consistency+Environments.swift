internal import OCI

extension Reading where Self: ~Copyable {
  /// Environments whose tags are not what they run, both ways: what runs has its tag, and a tag that is there runs.
  func wrongDeployments(_ limit: Int) throws -> [Inconsistency] {
    let deployed = try all(
      """
      SELECT e.namespace, e.name, r.name FROM deployment d JOIN environment e ON e.id = d.environment_id
      JOIN repository r ON r.id = d.repository_id
      LEFT JOIN tag t ON t.repository_id = d.repository_id AND t.name = e.name
      WHERE COALESCE(t.digest, '') <> d.digest LIMIT \(limit)
      """
    ) {
      Inconsistency(
        description:
          "environment \($0.text(0))/\($0.text(1)) runs something else in \($0.text(2)) than its tag points to")
    }
    return deployed + (try tagsThatNothingRuns().prefix(limit))
  }

  private func tagsThatNothingRuns() throws -> [Inconsistency] {
    let tags = try all(
      """
      SELECT e.namespace, e.name, e.repositories, r.name FROM environment e JOIN repository r
        ON r.name = e.namespace OR (r.name > e.namespace || '/' AND r.name < e.namespace || '0')
      JOIN tag t ON t.repository_id = r.id AND t.name = e.name
      WHERE NOT EXISTS (SELECT 1 FROM deployment d WHERE d.environment_id = e.id AND d.repository_id = r.id)
      ORDER BY e.namespace, e.name, r.name
      """
    ) { (environment: "\($0.text(0))/\($0.text(1))", patterns: $0.text(2), repository: try $0.repositoryName(3)) }
    // Where it does not cover the repository, the tag is one like any other.
    return tags.filter { tag in
      let texts = (try? JSONValue.parse(tag.patterns))?.array?.compactMap(\.string) ?? []
      return texts.contains { RepositoryPattern(parsing: $0)?.matches(tag.repository) ?? false }
    }.map {
      Inconsistency(
        description: "\($0.repository) has a tag of environment \($0.environment), which runs nothing there")
    }
  }
}
