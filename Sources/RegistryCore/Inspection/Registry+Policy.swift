public import Access
public import Ground
public import Metadata
internal import NIOCore
internal import OCI
internal import Scanning

// Policies: what is wrong with an image decides whether it is given out.
extension Registry {
  /// What the policies of the namespace say of pulling a manifest, from memory; nil says nothing.
  ///
  /// What it answers may be a second old.
  public func pullVerdictAtHand(_ manifest: CachedManifest, permit: Permit<Pull>) -> PolicyVerdict? {
    let now = time.monotonicNanoseconds
    let repository = permit.repository
    guard let rules = policies.rules(of: repository.namespace, now: now) else { return nil }
    guard rules.ask(of: repository), !manifest.mediaType.isIndex else { return PolicyVerdict() }
    return policies.verdict(ManifestKey(repository: repository, digest: manifest.digest), now: now)
  }

  /// What the policies of the namespace say of pulling a manifest.
  public func pullVerdict(_ manifest: CachedManifest, permit: Permit<Pull>) async throws -> PolicyVerdict {
    if let known = pullVerdictAtHand(manifest, permit: permit) { return known }
    let repository = permit.repository
    let asked = time.monotonicNanoseconds
    let digest = manifest.digest
    let isIndex = manifest.mediaType.isIndex
    let bytes = manifest.body
    let generation = policies.generation
    let known = policies.rules(of: repository.namespace, now: asked)
    let (rules, verdict) = try await database.read { transaction in
      let found = try known ?? Self.pullRules(of: repository.namespace, askedAt: asked, transaction)()
      var verdict = PolicyVerdict()
      guard found.ask(of: repository), !isIndex else { return (found, verdict) }
      let policies = try Self.pullPolicies(found, digest, in: repository, transaction)
      guard !policies.isEmpty else { return (found, verdict) }
      let facts = try Self.policyFacts(digest, bytes, manifest.mediaType, in: repository, transaction)
      for asked in policies { verdict.add(PolicyVerdict(asked.policy, facts), of: nil, for: asked.environment) }
      return (found, verdict)
    }
    policies.keep(rules, of: repository.namespace, since: generation)
    policies.keep(
      verdict, for: ManifestKey(repository: repository, digest: digest), askedAt: asked, since: generation)
    return verdict
  }

  /// Asks what is asked at the pulls of a namespace. What it returns waits for the answer.
  private static func pullRules<R: Reading & ~Copyable>(
    of namespace: String, askedAt asked: Int64, _ transaction: borrowing R
  ) throws -> () throws -> PolicyMemory.Rules {
    let rules = try transaction.laterRules(of: namespace, kind: .policy)
    let environments = try transaction.laterEnvironments(of: namespace)
    return {
      PolicyMemory.Rules(
        askedAt: asked, policies: try policies(try rules.all(), at: .pull),
        environments: try pulling(try environments.all()))
    }
  }

  /// What is to be asked along by who reads a manifest to give it out: the policies of pulls, when those that are remembered are
  /// too old.
  func pullRulesQuestion(of namespace: String) -> (any SideQuestion)? {
    let now = time.monotonicNanoseconds
    if policies.rules(of: namespace, now: now) != nil { return nil }
    return PullRulesQuestion(
      namespace: namespace, askedAt: now, generation: policies.generation, memory: policies)
  }

  private struct PullRulesQuestion: SideQuestion {
    let namespace: String
    let askedAt: Int64
    let generation: PolicyMemory.Generation
    let memory: PolicyMemory

    func ask<T: Reading & ~Copyable>(in transaction: borrowing T) throws -> () throws -> Void {
      let rules = try Registry.pullRules(of: namespace, askedAt: askedAt, transaction)
      return { memory.keep(try rules(), of: namespace, since: generation) }
    }
  }

  /// To be called after this process has changed the rules of a namespace.
  public func policiesChanged(of namespace: String) { policies.forgetRules(of: namespace) }

  static func policies<R: Reading & ~Copyable>(
    of namespace: String, at moment: FindingPolicy.Moment, _ transaction: borrowing R
  ) throws -> [(pattern: RepositoryPattern, policy: FindingPolicy)] {
    try policies(try transaction.repositoryRules(of: namespace, kind: .policy), at: moment)
  }

  private static func policies(
    _ rules: [RepositoryRule], at moment: FindingPolicy.Moment
  ) throws -> [(pattern: RepositoryPattern, policy: FindingPolicy)] {
    try rules.compactMap { rule in
      do {
        let policy = try FindingPolicy(json: try JSONValue.parse(rule.value))
        return policy.moments.contains(moment) ? (rule.pattern, policy) : nil
      } catch {
        throw DatabaseError.corrupt("a policy is stored as “\(rule.value)”")
      }
    }
  }

  /// Environments with a policy that is asked at pulls: few settings have the word, and only those are parsed.
  private static func pulling(_ environments: [EnvironmentRecord]) throws -> [PolicyMemory.PullingEnvironment] {
    try environments.filter { $0.settings.contains("\"pull\"") }.compactMap { record in
      let settings = try settings(of: record)
      guard let policy = settings.policy, policy.moments.contains(.pull) else { return nil }
      return .init(id: record.id, name: record.name, settings: settings, policy: policy)
    }
  }

  /// What is asked of a pull: the namespace's own policy of the repository, and those of the environments that run the image now,
  /// whatever name it is pulled by.
  private static func pullPolicies<R: Reading & ~Copyable>(
    _ rules: PolicyMemory.Rules, _ digest: Digest, in repository: RepositoryName, _ transaction: borrowing R
  ) throws -> [AskedPolicy] {
    let running = try rules.environments.filter { environment in
      try environment.settings.covers(repository)
        && transaction.isRun(digest, in: repository, byEnvironment: environment.id)
    }
    return (rules.policy(for: repository).map { [AskedPolicy($0)] } ?? [])
      + running.map { AskedPolicy($0.policy, of: $0.name) }
  }

  /// What a policy may ask of an image.
  static func policyFacts<R: Reading & ~Copyable>(
    _ digest: Digest, _ bytes: ByteBuffer, _ mediaType: MediaType, in repository: RepositoryName,
    _ transaction: borrowing R
  ) throws -> PolicyFacts {
    var facts = PolicyFacts(now: transaction.now)
    guard let inventory = try transaction.imageInventory(digest) else {
      // Artifacts that nobody unpacks have nothing to be judged.
      let manifest: Manifest
      do throws(ParseError) { manifest = try parse(bytes, mediaType) } catch { return facts }
      guard manifest.hasRootFileSystem else { return facts }
      facts.unscanned = "it was pushed a moment ago and is not read yet: try again"
      facts.leaveOut(try exceptions(for: digest, in: repository, transaction))
      return facts
    }
    let exceptions = try exceptions(for: digest, in: repository, transaction)
    let packages = try transaction.packages(ofImage: inventory.key)
    facts.unscanned = try inventory.unscanned ?? unjudged(packages, transaction)
    facts.endOfLife = inventory.endOfLife(at: transaction.now)
    facts.findings = try findings(
      of: inventory, in: repository, packages: packages, exceptions: exceptions, transaction)
    facts.secrets = try transaction.imageNotices(of: inventory.key).filter { $0.kind == "secret" }
      .map { "\($0.path) (\($0.detail))" }
    facts.leaveOut(exceptions)
    return facts
  }
}

extension PolicyFacts {
  /// Forgets what somebody has taken the risk of by its rule.
  fileprivate mutating func leaveOut(_ exceptions: [FindingException]) {
    for rule in exceptions.compactMap({ FindingException.Rule(rawValue: $0.rule) }) {
      switch rule {
      case .unscanned: unscanned = nil
      case .endOfLife: endOfLife = nil
      case .secret: secrets = []
      }
    }
  }
}

extension ImageInventoryRow {
  /// Why nothing can be said of it; nil: it was read and is judged.
  var unscanned: String? {
    switch state {
    case .inventoried: nil
    case .waiting: "it is not read yet: try again in a moment"
    case .failed: "it could not be read: \(reason ?? "for an unknown reason")"
    case .unknownDistribution: "it cannot be judged: \(reason ?? "its distribution is not known")"
    case .packageDatabaseMissing: "it cannot be judged: \(reason ?? "it has no package database")"
    case .packageDatabaseRemoved: "it cannot be judged: \(reason ?? "its package database was removed")"
    }
  }

  /// What is to be said of its distribution when not everybody gets updates for it any more; nil: nothing.
  public func supportNotice(at now: Timestamp) -> String? {
    asked(now).flatMap { EndOfLife.notice(of: $0.distribution, on: $0.day) }
  }

  /// The same, once nobody gets any.
  func endOfLife(at now: Timestamp) -> String? {
    guard let (distribution, day) = asked(now), case .ended = EndOfLife.support(of: distribution, on: day) else {
      return nil
    }
    return EndOfLife.notice(of: distribution, on: day)
  }

  private func asked(_ now: Timestamp) -> (distribution: Distribution, day: CalendarDay)? {
    guard let os else { return nil }
    var distribution = Distribution(id: os, versionID: osVersion ?? "")
    distribution.prettyName = osName
    let day = CivilTime(now)
    return (distribution, CalendarDay(year: day.year, month: day.month, day: day.day))
  }
}
