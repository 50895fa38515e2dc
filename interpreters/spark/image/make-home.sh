#!/bin/sh
# Runs inside the image during its build: creates SPARK_HOME from the PySpark in /opt/python and the listeners in
# /opt/aglais/src. Every file gets a fixed modification time, because class-data archives contain those of the jars.
set -e
packages=/opt/python
home=/opt/spark
pyspark=$packages/pyspark

rm -rf "$pyspark/data" "$pyspark/examples" "$packages/bin" "$packages/pyarrow/include"
for package in numpy pandas pyarrow; do find "$packages/$package" -type d -name tests -prune -exec rm -rf {} +; done
find "$packages" -type d -name __pycache__ -prune -exec rm -rf {} +
find "$packages" -name '*.a' -delete

rm -rf "$home"
mkdir -p "$home/jars" "$home/conf" "$home/work-dir"
for jar in "$pyspark"/jars/*.jar; do ln -s "$jar" "$home/jars/"; done
# S3A and the parts of the AWS SDK that it uses (s3a-jars.txt), which are not part of PySpark.
cp /opt/aglais/jars/*.jar "$home/jars/"
ln -s "$pyspark/bin" "$home/bin"
ln -s "$pyspark/python" "$home/python"
[ -d "$pyspark/sbin" ] && ln -s "$pyspark/sbin" "$home/sbin"

# Janino, which is part of Spark, compiles without a JDK.
classes=$(mktemp -d)
java -cp "$home/jars/*" org.codehaus.commons.compiler.samples.CompilerDemo \
  -d "$classes" -classpath "$(echo "$home"/jars/*.jar | tr ' ' ':')" /opt/aglais/src/aglais/*.java
find "$classes" -exec touch -d @"$SOURCE_DATE_EPOCH" {} +
(cd "$classes" && find aglais -name '*.class' | LC_ALL=C sort | python3 -c '
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as jar:
    for name in sys.stdin.read().split():
        jar.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), open(name, "rb").read())
' "$home/jars/aglais.jar")
rm -rf "$classes"

# Each jar by its name: the order of a wildcard depends on the file system, and differs between machines. Without `conf`,
# where Spark mounts a ConfigMap in executors: class-data archives do not support files outside of jars.
{
  ls "$home"/jars/slf4j-api-*.jar
  LC_ALL=C ls "$home"/jars/*.jar | grep -v '/slf4j-api-'
} | tr '\n' ':' | sed 's/:$//' > "$home/classpath"

# The root file system is read-only at runtime, so Python could not store compiled files.
python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash "$packages" > /dev/null || true
find "$packages" "$home" -exec touch -h -d @"$SOURCE_DATE_EPOCH" {} +
