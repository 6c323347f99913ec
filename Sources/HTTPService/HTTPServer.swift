public import Access
import Glibc
public import Ground
public import Logging
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOSSL
import NIOTLS
public import RegistryCore
public import ServiceLifecycle
import Synchronization

/// Listens, and hands each connection to ``HTTPConnection``.
public final class HTTPServer: Service {
  /// Where to listen.
  public enum Address: Sendable, CustomStringConvertible {
    /// `host` is an IP address; `::` is every address of the machine, of both families.
    case tcp(host: String, port: Int)
    case unix(path: String)

    public var description: String {
      switch self {
      case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
      case .unix(let path): "unix:\(path)"
      }
    }
  }

  private let addresses: [Address]
  private let liveSettings: Live<HTTPServiceSettings>
  private let tls: TLSIdentity?
  private let services: ConnectionServices
  private let group: MultiThreadedEventLoopGroup
  private let ownsGroup: Bool
  private let health: Health
  private let logger: Logger
  private let listeners = Mutex<[any Channel]>([])

  /// - Parameters:
  ///   - log: where a line for each request goes; nil for none.
  ///   - workers: runs what may block.
  ///   - uploadWorkers: runs bodies that stream.
  ///   - eventLoops: nil is the process's own, one for each processor, which connections to an object store are on too.
  public init(
    addresses: [Address], settings: HTTPServiceSettings, tls: TLSIdentity?, registry: Registry, access: AccessControl,
    health: Health, metrics: Metrics, log: RequestLog?, workers: WorkerPool, uploadWorkers: WorkerPool,
    eventLoops: Int? = nil, time: any TimeSource = SystemTime(), random: any RandomSource = SystemRandom(),
    logger: Logger
  ) {
    self.addresses = addresses
    liveSettings = Live(settings)
    self.tls = tls
    self.health = health
    self.logger = logger
    let routes = RegistryRoutes(
      registry: registry, access: access, settings: liveSettings, health: health, metrics: metrics, log: log,
      streamWorkers: uploadWorkers, logger: logger)
    services = ConnectionServices(
      responder: routes, settings: liveSettings, time: time, random: random, workers: workers,
      uploadWorkers: uploadWorkers)
    ownsGroup = eventLoops != nil
    group = eventLoops.map { MultiThreadedEventLoopGroup(numberOfThreads: $0) } ?? .singleton
    let services = services
    metrics.gauge("berth_http_connections", "Connections that are open.") { Double(services.connections.socketCount) }
    metrics.gauge("registry_http_in_flight_requests", "Requests that are being worked on.") {
      Double(services.inFlight.count)
    }
    metrics.gauge("berth_worker_queue_length", "Jobs that wait for a worker thread.") {
      Double(workers.queueLength + uploadWorkers.queueLength)
    }
  }

  /// What is in force. Setting it takes effect with the next request; limits of a connection with the next connection.
  public var settings: HTTPServiceSettings {
    get { liveSettings.value }
    set { liveSettings.value = newValue }
  }

  /// Binds every address; afterwards connections are accepted. Answers the addresses with the ports that the system chose.
  ///
  /// - Throws: ``ListenFailure``.
  public func listen() async throws -> [Address] {
    var bound: [Address] = []
    for address in addresses {
      let channel: any Channel
      do { channel = try await bind(address) } catch { throw ListenFailure(address: address, cause: error) }
      listeners.withLock { $0.append(channel) }
      switch address {
      case .tcp(let host, let port): bound.append(.tcp(host: host, port: channel.localAddress?.port ?? port))
      case .unix: bound.append(address)
      }
    }
    return bound
  }

  private func bind(_ address: Address) async throws -> any Channel {
    switch address {
    case .tcp(let host, let port): try await bind(host, port)
    case .unix(let path): try await bootstrap().bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
    }
  }

  /// The address is not looked up: a resolver does not know `::` on a machine without an address of IPv6, as most containers are.
  private func bind(_ host: String, _ port: Int) async throws -> any Channel {
    do {
      return try await bootstrap().bind(to: SocketAddress(ipAddress: host, port: port)).get()
    } catch let error as IOError where error.errnoCode == EAFNOSUPPORT && host == "::" {
      // A kernel without IPv6.
      return try await bootstrap().bind(to: SocketAddress(ipAddress: "0.0.0.0", port: port)).get()
    }
  }

  /// Serves until the surrounding group shuts down; then lets what is in flight finish, within the limit.
  public func run() async throws {
    if listeners.withLock({ $0.isEmpty }) { _ = try await listen() }
    do {
      try await gracefulShutdown()
      health.beginDraining()
      let delay = liveSettings.value.drainDelay
      if delay > .zero {
        logger.info("not ready any more; requests are taken for a while", metadata: ["seconds": "\(delay.inSeconds)"])
        try await Task.sleep(for: delay)
      }
    } catch is CancellationError {}
    await stop()
  }

  /// Stops accepting, drains, and closes what is left when the limit is over.
  public func stop() async {
    // Taken out, so that a second call has nothing to close: a channel of a loop that has ended never answers.
    let open = listeners.withLock { listeners in
      defer { listeners = [] }
      return listeners
    }
    for listener in open { try? await listener.close().get() }
    services.connections.drainAll()
    let end = services.time.monotonicNanoseconds + services.limits.shutdownGrace.wholeMicroseconds * 1000
    // Also handlers whose client is gone: what they are storing must be stored before the store is closed.
    while services.connections.count > 0 || services.inFlight.count > 0 {
      guard services.time.monotonicNanoseconds < end else { break }
      do { try await Task.sleep(for: .milliseconds(5)) } catch { break }
    }
    if services.connections.count > 0 {
      logger.warning("connections are cut", metadata: ["count": "\(services.connections.count)"])
      services.connections.closeAll()
    }
    if ownsGroup { try? await group.shutdownGracefully() }
  }

  private func bootstrap() -> ServerBootstrap {
    let services = services
    let tls = tls
    return ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(ConnectionGate(services))
        }
      }
      .childChannelOption(.autoRead, value: false)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(.maxMessagesPerRead, value: 1)
      .childChannelOption(.recvAllocator, value: Self.receiveAllocator)
      .childChannelOption(.writeBufferWaterMark, value: .init(low: 256 * 1024, high: 1 << 20))
      .childChannelInitializer { channel in
        services.connections.countSocket(channel)
        return channel.eventLoop.makeCompletedFuture { try Self.configure(channel, services, tls) }
      }
  }

  /// The stock allocator stops at 64 KiB; at 256 KiB an upload costs a third less, and at 1 MiB others begin to wait.
  private static var receiveAllocator: AdaptiveRecvByteBufferAllocator {
    AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 4096, maximum: receiveLimitBytes)
  }

  private static let receiveLimitBytes = 256 * 1024

  private static func configure(_ channel: any Channel, _ services: ConnectionServices, _ tls: TLSIdentity?) throws {
    guard let tls else { return try addHTTP1(channel, services, isTLS: false) }
    // Until the handshake is over the connection reads by itself.
    try channel.syncOptions?.setOption(.autoRead, value: true)
    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls.context))
    // Until a handler of ours watches it, a connection has the time of a head for its handshake.
    let deadline = channel.eventLoop.scheduleTask(in: TimeAmount(services.limits.headerTimeout)) {
      channel.close(promise: nil)
    }
    let negotiation = ApplicationProtocolNegotiationHandler { (result, channel) -> EventLoopFuture<Void> in
      deadline.cancel()
      return channel.eventLoop.makeCompletedFuture {
        switch result {
        case .negotiated("h2"): try addHTTP2(channel, services, certificate(of: channel))
        case .negotiated, .fallback:
          try channel.syncOptions?.setOption(.autoRead, value: false)
          try addHTTP1(channel, services, isTLS: true, certificate(of: channel))
        }
      }
    }
    try channel.pipeline.syncOperations.addHandler(negotiation)
  }

  /// What the client has shown of itself, which the handshake has held against our authority; nil: nothing.
  private static func certificate(of channel: any Channel) -> ClientCertificate? {
    let handler = try? channel.pipeline.syncOperations.handler(type: NIOSSLServerHandler.self)
    return handler?.peerCertificate.flatMap { try? $0.toDERBytes() }.flatMap { ClientCertificate(der: $0) }
  }

  private static func addHTTP1(
    _ channel: any Channel, _ services: ConnectionServices, isTLS: Bool, _ certificate: ClientCertificate? = nil
  ) throws {
    var limits = NIOHTTPDecoderLimitConfiguration()
    limits.maxHeaderFieldSize = services.limits.headerBytes
    limits.maxHeaderListSize = services.limits.headerBytes
    let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)
    // What the decoder holds back is at most a head that is not whole and the rest of a read.
    let bufferLimit = 2 * services.limits.headerBytes + receiveLimitBytes
    try channel.pipeline.syncOperations.addHandlers(
      ByteToMessageHandler(decoder, maximumBufferSize: bufferLimit),
      HTTPConnection(services: services, mode: .http1(fromKernel: !isTLS), isTLS: isTLS, certificate: certificate))
  }

  private static func addHTTP2(
    _ channel: any Channel, _ services: ConnectionServices, _ certificate: ClientCertificate?
  ) throws {
    // A client that ends its side of an HTTP/2 connection is gone.
    try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: false)
    var connection = NIOHTTP2Handler.ConnectionConfiguration()
    connection.initialSettings = [
      HTTP2Setting(parameter: .maxConcurrentStreams, value: 100),
      HTTP2Setting(parameter: .maxHeaderListSize, value: services.limits.headerBytes),
      HTTP2Setting(parameter: .initialWindowSize, value: streamWindowBytes),
    ]
    var stream = NIOHTTP2Handler.StreamConfiguration()
    stream.targetWindowSize = streamWindowBytes
    let management = NIOHTTP2ServerConnectionManagementHandler(
      eventLoop: channel.eventLoop,
      configuration: .init(
        maxIdleTime: TimeAmount(services.limits.idleTimeout), maxAge: nil,
        maxGraceTime: TimeAmount(services.limits.shutdownGrace), keepalive: nil))
    let clock = HTTP2Clock(services)
    let handler = NIOHTTP2Handler(
      mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: connection, streamConfiguration: stream,
      streamDelegate: HTTP2StreamWatch(clock, management.http2StreamDelegate, eventLoop: channel.eventLoop)
    ) { stream in
      stream.eventLoop.makeCompletedFuture {
        try stream.syncOptions?.setOption(.autoRead, value: false)
        try stream.pipeline.syncOperations.addHandlers(
          HTTP2FramePayloadToHTTP1ServerCodec(),
          HTTPConnection(services: services, mode: .http2, isTLS: true, certificate: certificate))
      }
    }
    try channel.pipeline.syncOperations.addHandlers(handler, management, clock, ConnectionErrorHandler())
    // It starts its clocks with the channel, and the channel was active before the protocol was chosen.
    management.channelActive(context: try channel.pipeline.syncOperations.context(handler: management))
    services.connections.add(http2: channel)
  }

  /// A hundred streams may each have so much on the way.
  private static let streamWindowBytes = 256 * 1024
}

/// Ends an HTTP/2 connection on an error of the connection; a stream's error is the stream's own.
private final class ConnectionErrorHandler: ChannelInboundHandler {
  typealias InboundIn = Any

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if error is NIOHTTP2Errors.StreamError { return }
    context.close(promise: nil)
  }
}

/// Accepts no more connections than the limit; the others wait in the listener's queue.
private final class ConnectionGate: ChannelDuplexHandler {
  typealias InboundIn = any Channel
  typealias InboundOut = any Channel
  typealias OutboundIn = any Channel
  typealias OutboundOut = any Channel

  private let services: ConnectionServices
  private var isHoldingBack = false

  init(_ services: ConnectionServices) { self.services = services }

  func read(context: ChannelHandlerContext) {
    guard services.connections.socketCount >= services.limits.connections else { return context.read() }
    guard !isHoldingBack else { return }
    isHoldingBack = true
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    context.eventLoop.scheduleTask(in: .milliseconds(100)) {
      let (gate, context) = bound.value
      gate.isHoldingBack = false
      gate.read(context: context)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    // Too many open files, or a connection that was gone before it was accepted: the listener goes on.
    guard error is IOError else { return context.fireErrorCaught(error) }
    // Without a rest the socket, which stays readable, would keep the loop busy.
    try? context.channel.syncOptions?.setOption(.autoRead, value: false)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.eventLoop.scheduleTask(in: .milliseconds(200)) {
      try? bound.value.channel.syncOptions?.setOption(.autoRead, value: true)
    }
  }
}
