/** Claims about the PCI bus, with a device that has everything a PCI function can have. */
@NullMarked
package dev.godwit.device.pci;

import org.jspecify.annotations.NullMarked;
