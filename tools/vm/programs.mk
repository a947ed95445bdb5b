# SPDX-License-Identifier: GPL-2.0
#
# The programs that tests run in the VM, static, against the kernel's own
# sanitised headers.  Adding one: its name here, and a rule if its source is not
# <directory of VPATH>/<name>.c.  Called by tools/vm/initramfs.

LINUX ?= $(TOP)/build/linux
HEADERS := $(BUILD)/kernel/usr/include

PROGRAMS :=

CFLAGS := -O2 -g -Wall -static -pthread
CPPFLAGS := -D_GNU_SOURCE -isystem $(HEADERS)

all: $(PROGRAMS:%=$(OUT)/%)

list:
	@echo $(PROGRAMS)

$(OUT)/%: %.c
	@mkdir -p $(OUT)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MF $@.d -o $@ $<

-include $(wildcard $(OUT)/*.d)

.PHONY: all list
