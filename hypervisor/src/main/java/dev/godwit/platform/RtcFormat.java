package dev.godwit.platform;

import static dev.godwit.platform.RtcRegisters.*;

import java.time.LocalDate;
import java.time.LocalTime;
import java.time.ZoneOffset;

/**
 * Time as the RTC's registers show it: BCD or binary, 12 or 24 hours.
 *
 * @param binary register B asks for binary
 * @param hours24 register B asks for 24 hours
 */
record RtcFormat(boolean binary, boolean hours24) {
  private static final int DAY_SECONDS = 86_400;

  /** Returns the format that register B asks for. */
  static RtcFormat of(int registerB) {
    return new RtcFormat((registerB & B_BINARY) != 0, (registerB & B_24_HOURS) != 0);
  }

  /** Returns a time register's value at a wall time. */
  int encode(int index, long wallSeconds) {
    LocalDate date = LocalDate.ofEpochDay(Math.floorDiv(wallSeconds, DAY_SECONDS));
    return switch (index) {
      case DAY_OF_WEEK -> number(date.getDayOfWeek().getValue() % 7 + 1);
      case DAY_OF_MONTH -> number(date.getDayOfMonth());
      case MONTH -> number(date.getMonthValue());
      case YEAR -> number(Math.floorMod(date.getYear(), 100));
      case CENTURY -> number(Math.floorMod(Math.floorDiv(date.getYear(), 100), 100));
      default -> encodeTime(index, Math.floorMod(wallSeconds, DAY_SECONDS));
    };
  }

  /** Returns the value of the register of seconds, minutes or hours at a second of the day. */
  int encodeTime(int index, int secondOfDay) {
    return switch (index) {
      case SECONDS -> number(secondOfDay % 60);
      case MINUTES -> number(secondOfDay / 60 % 60);
      case HOURS -> hour(secondOfDay / 3600);
      default -> throw new IllegalArgumentException("register " + index);
    };
  }

  /**
   * Returns the wall time that time registers show; values out of range carry over into the next
   * larger unit.
   */
  long decode(byte[] memory) {
    int year = number(memory[CENTURY] & 0xFF, false) * 100 + number(memory[YEAR] & 0xFF, false);
    LocalDate date =
        LocalDate.of(year, 1, 1)
            .plusMonths(number(memory[MONTH] & 0xFF, false) - 1L)
            .plusDays(number(memory[DAY_OF_MONTH] & 0xFF, false) - 1L);
    return date.toEpochSecond(LocalTime.MIDNIGHT, ZoneOffset.UTC)
        + hourOf(memory[HOURS] & 0xFF) * 3600L
        + number(memory[MINUTES] & 0xFF, false) * 60L
        + number(memory[SECONDS] & 0xFF, false);
  }

  /** Says whether an alarm register matches the value of its time register. */
  static boolean matches(int alarm, int value) {
    return (alarm & ALARM_ANY) == ALARM_ANY || alarm == value;
  }

  private int number(int value) {
    return binary ? value : value / 10 << 4 | value % 10;
  }

  private int number(int register, boolean hour) {
    int value = hour ? register & ~PM : register;
    return binary ? value : (value >>> 4) * 10 + (value & 0xF);
  }

  private int hour(int hour) {
    if (hours24) {
      return number(hour);
    }
    int shown = hour % 12 == 0 ? 12 : hour % 12;
    return number(shown) | (hour >= 12 ? PM : 0);
  }

  private int hourOf(int register) {
    if (hours24) {
      return number(register, false);
    }
    return number(register, true) % 12 + ((register & PM) != 0 ? 12 : 0);
  }
}
