#!/bin/sh
# Downloads the jars of a list (group:artifact:version and SHA-256, one per line) from Maven Central, with PySpark's Ivy,
# and verifies the checksum of each.
#   fetch-jars.sh LIST DIRECTORY IVY_JAR [JAVA]
# AGLAIS_MAVEN is the URL of a mirror of Maven Central, if one is needed.
set -e
list=$1
directory=$2
ivy=$3
java=${4:-java}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/settings.xml" <<SETTINGS
<ivysettings>
  <settings defaultResolver="central"/>
  <caches defaultCacheDir="$work/cache"/>
  <resolvers><ibiblio name="central" m2compatible="true"${AGLAIS_MAVEN:+ root=\"$AGLAIS_MAVEN\"}/></resolvers>
</ivysettings>
SETTINGS
{
  echo '<ivy-module version="2.0"><info organisation="aglais.org" module="jars"/>'
  echo '<configurations><conf name="default"/></configurations><dependencies>'
  # Their dependencies are in the list itself, or part of Spark.
  sed -E 's|^([^:]+):([^:]+):([^ ]+) .*|<dependency org="\1" name="\2" rev="\3" transitive="false" conf="default->master"/>|' "$list"
  echo '</dependencies></ivy-module>'
} > "$work/ivy.xml"
"$java" -jar "$ivy" -settings "$work/settings.xml" -ivy "$work/ivy.xml" \
  -retrieve "$work/jars/[artifact]-[revision].[ext]"
sed -E 's|^[^:]+:([^:]+):([^ ]+) (.*)|\3  \1-\2.jar|' "$list" > "$work/sums"
(cd "$work/jars" && sha256sum --check --quiet --strict "$work/sums")
mkdir -p "$directory"
mv "$work"/jars/*.jar "$directory/"
