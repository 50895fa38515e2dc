#!/bin/sh
# Runs inside the image after its Debian packages are installed: creates a user that is not root and a path for Java that is
# independent of the architecture, and removes what only an installer needs.
set -e
echo 'spark:x:185:0:Spark:/tmp:/usr/sbin/nologin' >> /etc/passwd
ln -s "$(basename "$(dirname "$(dirname "$(readlink -f /usr/bin/java)")")")" /usr/lib/jvm/java
mkdir -p /opt /aglais /aglais-conf /aglais-secret
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* /tmp/finish-base.sh
