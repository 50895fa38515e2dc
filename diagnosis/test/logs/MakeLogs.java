import java.io.*;
import java.nio.file.*;
import java.util.*;
import java.util.zip.*;
import org.apache.spark.SparkConf;
import org.apache.spark.io.CompressionCodec;

/**
  * Writes an event log with each codec of Spark, so that the readers are tested on what Spark
 * really writes:
 *
 *   java -cp "$(python -c 'import pyspark; print(pyspark.__path__[0])')/jars/*" MakeLogs.java PLAIN FOLDER
 */
class MakeLogs {
  public static void main(String[] args) throws Exception {
    List<String> lines = Files.readAllLines(Path.of(args[0]));
    Path folder = Path.of(args[1]);
    // Small blocks, so that a small log has several.
    SparkConf conf =
        new SparkConf(false)
            .set("spark.io.compression.lz4.blockSize", "16k")
            .set("spark.io.compression.snappy.blockSize", "16k");
    for (String name : List.of("zstd", "lz4", "snappy", "lzf")) {
      CompressionCodec codec = CompressionCodec.createCodec(conf, name);
      Path file = folder.resolve("app." + name);
      Files.deleteIfExists(file);
          // Two concatenated streams, as after files were joined.
      int half = lines.size() / 2;
      for (List<String> part : List.of(lines.subList(0, half), lines.subList(half, lines.size()))) {
        OutputStream out =
            Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        try (Writer writer =
            new OutputStreamWriter(codec.compressedContinuousOutputStream(out), "UTF-8")) {
          write(part, writer);
        }
      }
    }
    int half = lines.size() / 2;
    try (OutputStream file = Files.newOutputStream(folder.resolve("app.gz"))) {
      for (List<String> part : List.of(lines.subList(0, half), lines.subList(half, lines.size()))) {
        GZIPOutputStream member = new GZIPOutputStream(file);
        Writer writer = new OutputStreamWriter(member, "UTF-8");
        write(part, writer);
        writer.flush();
        member.finish();
      }
    }
        // The format in which the History Server offers a rolling log for download.
    try (ZipOutputStream zip =
        new ZipOutputStream(Files.newOutputStream(folder.resolve("rolling.zip")))) {
      zip.putNextEntry(new ZipEntry("eventlog_v2_app/"));
      zip.closeEntry();
      zip.putNextEntry(new ZipEntry("eventlog_v2_app/appstatus_app"));
      zip.closeEntry();
      for (int i = 0; i < 2; i++) {
        zip.putNextEntry(new ZipEntry("eventlog_v2_app/events_" + (i + 1) + "_app"));
        Writer writer = new OutputStreamWriter(zip, "UTF-8");
        write(i == 0 ? lines.subList(0, half) : lines.subList(half, lines.size()), writer);
        writer.flush();
        zip.closeEntry();
      }
    }
  }

    /** Flushes from time to time, as Spark does at the end of a stage or job. */
  static void write(List<String> lines, Writer writer) throws IOException {
    int written = 0;
    for (String line : lines) {
      writer.write(line);
      writer.write("\n");
      if (++written % 7 == 0) writer.flush();
    }
  }
}
