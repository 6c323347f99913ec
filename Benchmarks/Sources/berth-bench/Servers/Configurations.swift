import Glibc

/// Debian's own configuration of `docker-registry`, without its password file, with the access log that it has by default.
///
/// - Parameter backends: an S3 server, and a redis for its cache, instead of the directory.
func dockerRegistryConfiguration(
  data: String, port: UInt16, certificate: Certificate?, backends: Backends? = nil
) -> String {
  var text = """
    version: 0.1
    log:
      level: info
      accesslog:
        disabled: false
      fields:
        service: registry
    storage:
    \(dockerRegistryStorage(data, backends))
      delete:
        enabled: true
    health:
      storagedriver:
        enabled: true
        interval: 10s
        threshold: 3
    http:
      addr: 127.0.0.1:\(port)
      headers:
        X-Content-Type-Options: [nosniff]

    """
  if let backends { text += "redis:\n  addr: 127.0.0.1:\(backends.redisPort)\n" }
  if let certificate {
    text += "  tls:\n    certificate: \(certificate.path)\n    key: \(certificate.keyPath)\n"
  }
  return text
}

private func dockerRegistryStorage(_ data: String, _ backends: Backends?) -> String {
  guard let backends else {
    return "  cache:\n    blobdescriptor: inmemory\n  filesystem:\n    rootdirectory: \(data)"
  }
  return """
      cache:
        blobdescriptor: redis
      redirect:
        disable: true
      s3:
        regionendpoint: http://127.0.0.1:\(backends.s3Port)
        region: us-east-1
        bucket: docker
        accesskey: \(Backends.accessKey)
        secretkey: \(Backends.secretKey)
        secure: false
        forcepathstyle: true
    """
}

/// Debian's settings of nginx (sendfile, tcp_nopush, access log), except that a connection may serve any number of requests.
///
/// `/upload/` takes PUT, so that nginx too can have a blob streaming in; it neither hashes nor syncs it.
func nginxConfiguration(home: String, data: String, port: UInt16, certificate: Certificate?) -> String {
  var encryption = ""
  if let certificate {
    encryption = """
      ssl_certificate \(certificate.path);
          ssl_certificate_key \(certificate.keyPath);
          ssl_protocols TLSv1.2 TLSv1.3;
      """
  }
  return """
    \(geteuid() == 0 ? "user root;" : "")
    daemon off;
    worker_processes auto;
    pid \(home)/nginx.pid;
    error_log \(home)/log warn;
    events { worker_connections 2048; }
    http {
      sendfile on;
      tcp_nopush on;
      keepalive_timeout 65;
      keepalive_requests 1000000000;
      default_type application/octet-stream;
      access_log \(home)/access.log combined;
      client_max_body_size 0;
      client_body_temp_path \(home)/body;
      proxy_temp_path \(home)/proxy;
      fastcgi_temp_path \(home)/fastcgi;
      uwsgi_temp_path \(home)/uwsgi;
      scgi_temp_path \(home)/scgi;
      server {
        listen 127.0.0.1:\(port)\(certificate == nil ? "" : " ssl");
        root \(data);
        \(encryption)
        location = /v2/ { return 200 "{}"; }
        location /upload/ { dav_methods PUT; create_full_put_path on; }
      }
    }

    """
}
