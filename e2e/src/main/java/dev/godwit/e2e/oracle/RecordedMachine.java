package dev.godwit.e2e.oracle;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;

/** An oracle that answered before: the results of one batch, as QEMU 10.0 gave them. */
final class RecordedMachine implements CaseMachine {
  private final byte[] results;

  /**
   * @param packed what {@link #pack} made
   */
  RecordedMachine(byte[] packed) {
    try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(packed))) {
      this.results = in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns a batch's results in the form to keep. */
  static byte[] pack(BatchResult result) {
    ByteArrayOutputStream packed = new ByteArrayOutputStream();
    try (GZIPOutputStream out = new GZIPOutputStream(packed)) {
      out.write(result.records().array());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return packed.toByteArray();
  }

  @Override
  public BatchResult run(RunnerImage image) {
    int cases = results.length / RunnerImage.RECORD_BYTES;
    if (cases != image.cases().size()) {
      throw new IllegalStateException(
          "the recorded results are of another batch: record them anew (e2e/README.md)");
    }
    return new BatchResult(
        ByteBuffer.wrap(results).order(ByteOrder.LITTLE_ENDIAN), cases, BatchResult.FINISHED);
  }
}
