import Access
import Ground
import Metadata
import OCI
import RegistryCore
import TestSupport

/// Those who promote and go back, and those who look at what runs.
extension Player {
  func releaseStep() async throws {
    let environment = pick([World.staging, World.staging, World.production])
    switch chance.next() % 10 {
    case 0..<4: try await release(.images(images()), to: environment)
    case 4: try await release(.environment(World.staging), to: World.production)
    case 5: try await release(.rollback(to: nil), to: environment)
    case 6:
      let count = UInt64(world.releases.count(environment))
      guard count > 0 else { return }
      try await release(.rollback(to: Int64(chance.next() % count) + 1), to: environment)
    case 7: try await changeByHand(environment)
    case 8: try await setRetention()
    default: try await look(at: environment)
    }
  }

  /// Images of one repository or of several, mostly such as are there.
  private func images() -> [RepositoryName: Digest] {
    var images: [RepositoryName: Digest] = [:]
    for repository in World.released where images.isEmpty || chance.next() % 3 > 0 {
      let all = World.images + World.indexes
      let there = all.filter { world.oracle.certainty(.manifest(repository.text, $0)).truth == .present(nil) }
      images[repository] = pick(there.isEmpty || chance.next() % 8 == 0 ? all : there).digest
    }
    return images
  }

  /// Asks for a release, at times twice at once, as one who clicks twice does: it is one release all the same.
  private func release(_ content: ReleaseModel.Wish.Content, to environment: OCI.Tag) async throws {
    let wish = ReleaseModel.Wish(
      environment: environment, content: content, key: "\(chance.next())",
      sourceStates: world.chronicle.shown(World.staging).count)
    world.releases.begin(wish)
    guard chance.next() % 4 == 0 else { return try await ask(for: wish) }
    try await withThrowingTaskGroup { group in
      for _ in 0..<2 { group.addTask { try await ask(for: wish) } }
      try await group.waitForAll()
    }
  }

  func ask(for wish: ReleaseModel.Wish) async throws {
    let registry = world.anyRegistry
    let actor = try await Policy.open.releaseActor(in: World.namespace, for: .everybody)
    let content: ReleaseWish.Content =
      switch wish.content {
      case .images(let images):
        .images(
          try images.sorted { $0.key < $1.key }.map { try ImageReference(parsing: "\($0.key)@\($0.value)") })
      case .environment(let source): .environment(source)
      case .rollback(let number): .rollback(to: number)
      }
    let before = Circumstances(of: wish, world)
    // Going back brings back what it needs, so nothing that is deleted is certain meanwhile.
    let shown = if case .rollback = wish.content { before.ever } else { [Subject]() }
    let acts = shown.map { (digest: $0.1, act: world.oracle.begin($0.0, deletes: false, at: world.now)) }
    do {
      let outcome = try await registry.release(
        ReleaseWish(content, reason: nil, key: wish.key, isDryRun: false), to: wish.environment, by: actor)
      guard case .released(let state) = outcome else { return world.findings.add("a release has no answer") }
      world.tally.count(state.release.kind == .rollback ? .rollback : .promotion)
      let position = world.chronicle.position(ofRelease: state.release.id)
      world.releases.answered(wish, state, position: position)
      for (_, act) in acts { world.oracle.lost(act) }
    } catch let refusal as ReleaseRefusal {
      for (_, act) in acts { world.oracle.refused(act) }
      world.releases.refused(wish)
      world.tally.count(.refusal)
      before.judge(refusal, wish, world)
    } catch {
      for (_, act) in acts { world.oracle.lost(act) }
      throw error
    }
  }

  private typealias Subject = (Oracle.Subject, Digest)

  /// What is known when somebody asks for a release, to tell whether a refusal is right.
  private struct Circumstances {
    let releases: Int
    /// Images that are there for certain, with their marks.
    let there: [RepositoryName: (subject: Oracle.Subject, mark: Int)]
    let hasBeenInStaging: Bool
    let stagingRuns: Bool
    /// All that the environment ever showed.
    let ever: [Subject]

    init(of wish: ReleaseModel.Wish, _ world: World) {
      releases = world.releases.count(wish.environment)
      let staging = world.chronicle.shown(World.staging)
      stagingRuns = staging.last.map { !$0.isEmpty } ?? false
      var there: [RepositoryName: (subject: Oracle.Subject, mark: Int)] = [:]
      var hasBeen = true
      if case .images(let images) = wish.content {
        for (repository, digest) in images {
          hasBeen = hasBeen && staging.contains { $0[repository] == digest }
          guard let manifest = World.manifest(digest) else { continue }
          let subject = Oracle.Subject.manifest(repository.text, manifest)
          let certainty = world.oracle.certainty(subject)
          let isWhole = World.children(of: manifest).allSatisfy {
            world.oracle.deletions(of: .manifest(repository.text, $0)) == 0
          }
          if certainty.truth == .present(nil) && isWhole { there[repository] = (subject, certainty.mark) }
        }
      }
      self.there = there
      hasBeenInStaging = hasBeen
      var seen: Set<Oracle.Subject> = []
      ever = world.chronicle.shown(wish.environment).flatMap { shown in
        shown.flatMap { repository, digest -> [Subject] in
          guard let manifest = World.manifest(digest) else { return [] }
          return ([manifest] + World.children(of: manifest)).map {
            (.manifest(repository.text, $0), $0.digest)
          }
        }
      }.filter { seen.insert($0.0).inserted }
    }

    func judge(_ refusal: ReleaseRefusal, _ wish: ReleaseModel.Wish, _ world: World) {
      for failure in refusal.failures {
        switch (failure.rule, wish.content) {
        case ("requires", _):
          if hasBeenInStaging { world.findings.add("a promotion of what has been in staging was refused: \(refusal)") }
        case ("exists", .images(let images)):
          // What nothing names is collected after a while, when that is so set.
          guard world.untaggedLimit == nil else { continue }
          let stayed = images.keys.filter { repository in
            guard let found = there[repository], failure.image?.hasPrefix("\(repository)@") ?? false else {
              return false
            }
            return world.oracle.certainty(found.subject) == (.present(nil), found.mark)
          }
          if !stayed.isEmpty { world.findings.add("a promotion of what is there was refused: \(refusal)") }
        case ("exists", .environment):
          if stagingRuns { world.findings.add("a promotion of what staging runs was refused: \(refusal)") }
        case ("exists", .rollback(to: nil)) where failure.message.contains("nothing"):
          world.releases.refusedForNothingBefore(wish.environment, releases: releases)
        case ("exists", .rollback): judgeRemoval(refusal, world)
        default: world.findings.add("a release to \(wish.environment) was refused: \(refusal)")
        }
      }
    }

    /// What an environment ran is kept for as long as its namespace says, unless somebody deletes bytes of it.
    private func judgeRemoval(_ refusal: ReleaseRefusal, _ world: World) {
      guard world.history.keepsWhatRan else { return }
      let lost = ever.contains { subject, digest in
        guard let manifest = World.manifest(digest) else { return false }
        return World.blobs(of: manifest).contains { world.oracle.deletions(of: .blob(subject.repository, $0)) > 0 }
      }
      if !lost { world.findings.add("what ran before is gone: \(refusal)") }
    }
  }

  // MARK: Others

  /// What an environment shows is one of its states, and none older than the last that somebody was told of.
  private func look(at environment: OCI.Tag) async throws {
    let actor = try await Policy.open.releaseActor(in: World.namespace, for: .everybody)
    let known = world.chronicle.shown(environment).count
    let acknowledged = world.releases.acknowledged(environment)
    let state = try await world.anyRegistry.environment(environment, by: actor)
    let found = Dictionary(uniqueKeysWithValues: state.images.map { ($0.repository.name, $0.digest) })
    if !world.chronicle.shown(environment).dropFirst(known - 1).contains(found) {
      world.findings.add("\(environment) is read as something that it never was")
    }
    world.tally.count(.looked)
    let repository = pick(World.released)
    let pulled = try await world.client(repository.text).manifest(.tag(environment))
    let states = world.chronicle.shown(environment).dropFirst(acknowledged)
    if !states.contains(where: { $0[repository].flatMap { World.manifest($0)?.content.bytes } == pulled }) {
      world.findings.add("\(repository):\(environment) is pulled as something that it was not any more")
    }
  }

  /// Nobody but a release changes what an environment shows.
  private func changeByHand(_ environment: OCI.Tag) async throws {
    let repository = pick(World.released)
    let client = try world.client(repository.text)
    do {
      if chance.next() % 2 == 0 {
        try await client.deleteTag(environment)
        world.findings.add("\(repository):\(environment) was deleted by hand")
      } else {
        let current = world.chronicle.shown(environment)
        let image = pick(World.images)
        try await client.push(image, tags: [environment])
        let later = world.chronicle.shown(environment).dropFirst(current.count - 1)
        if !later.contains(where: { $0[repository] == image.digest }) {
          world.findings.add("\(repository):\(environment) was pushed by hand")
        }
      }
    } catch let error as RegistryError
      where [.denied, .manifestUnknown, .manifestBlobUnknown, .nameUnknown].contains(error.code)
    {}
  }

  private func setRetention() async throws {
    let rule = pick(world.retentionPool)
    try await world.setRule(.retention, rule.text)
  }
}
