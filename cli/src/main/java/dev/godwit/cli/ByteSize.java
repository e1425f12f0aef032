package dev.godwit.cli;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** A number of bytes as users write it: {@code 512M}, {@code 2G}, {@code 65536}. Powers of 1024. */
final class ByteSize implements ITypeConverter<Long> {
  private static final Pattern FORM = Pattern.compile("(\\d{1,15})([KMGT]?)(?:i?B)?");
  private static final String UNITS = "KMGT";

  @Override
  public Long convert(String text) {
    Matcher form = FORM.matcher(text.strip().toUpperCase(Locale.ROOT).replace("IB", ""));
    if (form.matches()) {
      int shift = form.group(2).isEmpty() ? 0 : 10 * (UNITS.indexOf(form.group(2)) + 1);
      long number = Long.parseLong(form.group(1));
      if (number <= Long.MAX_VALUE >> shift) {
        return number << shift;
      }
    }
    throw new TypeConversionException("'" + text + "' is no size: give bytes, or as 512M or 2G");
  }

  /** Returns a size for people: {@code 1.5 GiB}. */
  static String text(double bytes) {
    String unit = "B";
    double value = bytes;
    for (int i = 0; i < UNITS.length() && value >= 1024; i++) {
      value /= 1024;
      unit = UNITS.charAt(i) + "iB";
    }
    boolean whole = unit.equals("B") || value >= 100 || value == Math.rint(value);
    return String.format(Locale.ROOT, whole ? "%.0f %s" : "%.1f %s", value, unit);
  }
}
