# the user that the services run as, and the folder of its state
getent group fluent-anomaly >/dev/null || groupadd --system fluent-anomaly
getent passwd fluent-anomaly >/dev/null ||
    useradd --system --gid fluent-anomaly --home-dir /var/lib/fluent-anomaly --no-create-home \
        --shell /usr/sbin/nologin --comment "fluent-anomaly" fluent-anomaly
install -d -m 750 -o fluent-anomaly -g fluent-anomaly /var/lib/fluent-anomaly
