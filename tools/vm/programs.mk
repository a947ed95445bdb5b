# SPDX-License-Identifier: GPL-2.0
#
# The programs that tests run in the VM, static, against the sanitised headers of
# the kernel's tree, whichever kernels are built.  Adding one: its name here, and a
# rule if its source is not <directory of VPATH>/<name>.c.  Called by
# tools/vm/initramfs, which says for what ARCH, where HEADERS are built and what the
# compiler's name begins with (CROSS).

THIS := $(lastword $(MAKEFILE_LIST))
LINUX ?= $(TOP)/build/linux

# The Makefile of the self tests says which programs there are.
NESTING_DIR := $(LINUX)/tools/testing/selftests/vfio_nesting
NESTING := $(shell sed -n 's/^TEST_GEN_PROGS.* += //p' $(NESTING_DIR)/Makefile)
PROGRAMS := iommufd iommufd_fail_nth $(NESTING) guest_demo guest_kexec guest_life

VPATH := $(LINUX)/tools/testing/selftests/iommu:$(NESTING_DIR)

CFLAGS := -O2 -g -Wall -static -pthread
CC := $(if $(shell command -v ccache),ccache) $(CROSS)gcc
# Names of files stay as they are, so that make finds them in what -MD writes.
export CCACHE_BASEDIR :=
AR := $(CROSS)ar
CPPFLAGS := -D_GNU_SOURCE -isystem $(HEADERS)/usr/include

all: $(PROGRAMS:%=$(OUT)/%)

headers:
	@$(MAKE) -s -C $(LINUX) O=$(HEADERS) ARCH=$(ARCH) headers

list:
	@echo $(PROGRAMS)

$(OUT)/%: %.c $(THIS)
	@mkdir -p $(OUT)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MD -MP -MF $@.d -o $@ $<

# The selftests of 6.12.117 name things that its headers do not have: the input
# type of hw_info and mock devices with PASID came later.  With these values they
# compile, a mock device without PASID stands in for one with, and only the cases
# get_hw_info fail, which is part of the baseline.
$(OUT)/iommufd $(OUT)/iommufd_fail_nth: CPPFLAGS += \
	-Din_data_type=out_data_type -DIOMMU_HW_INFO_TYPE_DEFAULT=0 \
	-DIOMMU_HW_INFO_FLAG_INPUT_TYPE=1 \
	-DMOCK_FLAGS_DEVICE_PASID=0 -DMOCK_PASID_WIDTH=20
$(OUT)/iommufd $(OUT)/iommufd_fail_nth: CFLAGS += -Wno-unused-function

# The library that the tests of vfio_nesting share is what has no main().
LIBRARY := $(filter-out $(NESTING:%=$(NESTING_DIR)/%.c),$(wildcard $(NESTING_DIR)/*.c))
OBJECTS := $(patsubst $(NESTING_DIR)/%.c,$(OUT)/%.o,$(LIBRARY))

$(OUT)/%.o: $(NESTING_DIR)/%.c $(THIS)
	@mkdir -p $(OUT)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MD -MP -MF $(@:.o=.d) -c -o $@ $<

$(OUT)/library.a: $(OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

$(NESTING:%=$(OUT)/%): $(OUT)/%: $(OUT)/%.o $(OUT)/library.a
	$(CC) $(CFLAGS) -o $@ $^

# For the guest in the VM
$(OUT)/guest_%: $(TOP)/tools/vm/guest/%.c $(OUT)/library.a
	$(CC) $(CPPFLAGS) -I$(NESTING_DIR) -I$(NESTING_DIR)/.. $(CFLAGS) -MD -MP -MF $@.d -o $@ $< $(OUT)/library.a

-include $(wildcard $(OUT)/*.d)

.PHONY: all headers list
