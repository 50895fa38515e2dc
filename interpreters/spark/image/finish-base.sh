#!/bin/sh
# Runs inside the image when its Debian packages are there: a user that is not root, a name for Java that no architecture
# changes, and nothing that only an installer needs.
set -e
echo 'spark:x:185:0:Spark:/tmp:/usr/sbin/nologin' >> /etc/passwd
ln -s "$(basename "$(dirname "$(dirname "$(readlink -f /usr/bin/java)")")")" /usr/lib/jvm/java
mkdir -p /opt /aglais /aglais-conf /aglais-secret
rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* /tmp/finish-base.sh
