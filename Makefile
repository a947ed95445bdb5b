# SPDX-License-Identifier: GPL-2.0
# Guest SVA for Linux: every command that the README names.  'make help' lists them.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

export DEBUG SIGNOFF REBASE SEED COUNT
unexport BUILD

# What the compiler made for one clone or directory is there for all others, and finding
# out that something is new costs no pass of the preprocessor, a fifth of a cold build.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1
export CCACHE_DEPEND := 1

# Rather than to build one kernel and boot another
refuse = $(if $(filter $2,$(MAKECMDGOALS)),$(error $1 does not go with 'make $(filter $2,$(MAKECMDGOALS))'))
ifneq ($(DEBUG),)
$(call refuse,DEBUG=$(DEBUG),demo-vm test test-deb bench-% coverage mutants)
endif
ifeq ($(ARCH),arm64)
$(call refuse,ARCH=arm64,vm demo-vm test test-vm test-deb bench-% coverage fuzz storm)
endif

help:				## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps:				## install the Debian packages needed (as root; else say which)
	@tools/deps

linux:				## build/linux: the kernel's git tree, base + our series as commits
	@tools/tree/linux

sync:				## carry commits made in build/linux back into overlay and patches
	@tools/tree/sync

kernel: linux			## build the kernel for the VM (DEBUG=1: KASAN, UBSAN, lockdep, ...)
	@tools/vm/kernel

kernel-sva: kernel		## the same with native SVA, which 6.12 refuses on x86, for tests of the platform
	@SVA=1 tools/vm/kernel

kernel-guest: linux		## the kernel of a guest in the VM, which has none of our code
	@GUEST=1 tools/vm/kernel

kernel-debian: linux		## the distribution's own kernel, as it boots it, for VMs
	@tools/vm/distribution

kernel-arm64: linux		## the kernel for a machine with an SMMUv3 (DEBUG=1: as above)
	@ARCH=arm64 tools/vm/kernel

qemu:				## build the platform: QEMU with our VT-d and test device
	@tools/qemu/build

vm: kernel qemu			## an interactive shell in the VM
	@tools/vm/run --shell

demo: kernel qemu		## boot the VM and see a guest process's memory used by a device (ARCH=arm64: behind an SMMUv3)
	@tools/vm/demo

demo-vm: kernel kernel-guest qemu	## the same with a guest in the VM, by QEMU: its processes, its log
	@tools/vm/demo --guest

kunit: linux			## the unit tests, under UML, in seconds
	@tools/kunit

bench-ioasid: kernel qemu	## what IOASID costs: a table against the IDA and a bare xarray
	@tools/bench/ioasid

bench-fault: kernel qemu	## what a page request costs, from the device to the VMM and back
	@tools/bench/fault

bench-nesting: kernel qemu	## what binds, unbinds, invalidations cost, beside iommufd: descriptors, waits, instructions
	@tools/bench/nesting

bench-scale: kernel qemu	## the same with many PASIDs, devices, containers, and what they take of the memory
	@tools/bench/scale

bench-profile: kernel qemu	## where the instructions of those go, function by function
	@tools/bench/profile

report:				## build/report/index.html: pictures of what bench-* and test left in build/
	@tools/bench/report

bench-platform: kernel-sva qemu	## what the emulated platform costs, measured in the VM
	@tools/vm/bench

coverage: linux qemu		## which lines and branches of the kernel files the tests reach, build/coverage/index.html
	@tools/coverage/kernel

coverage-ioasid: linux		## which lines of the IOASID core its unit tests reach
	@tools/coverage/ioasid

test-tools:			## tests of our own tooling
	@tools/tap/run tools/tests/*

test-platform: qemu		## qtests of the platform, no kernel needed
	@tools/qemu/test

orders: linux			## two calls at a time in 600,000 orders of their steps, under UML
	@tools/kunit --orders

mutants-unit: linux		## change one condition, call, assignment or lock of the cores at a time, under UML
	@tools/uml/mutate

mutants: kernel qemu		## leave out one flush, drain, wait or clear of the kernel at a time (ARCH=arm64: of the SMMUv3)
	@tools/vm/mutate

fuzz: kernel qemu		## calls at random against a model (SEED=n COUNT=steps JOBS=n DEBUG=1)
	@tools/fuzz/run

storm: kernel qemu		## owners that die, many PASIDs, lost devices (DEBUG=1)
	@tools/fuzz/storm

test-vm: kernel $(if $(DEBUG),,kernel-sva kernel-guest kernel-debian) kernel-arm64 qemu	## the tests in the VM, all variants (DEBUG=1: in the debug kernel)
	@tools/qemu/build tests/qtest/vfio-nesting-test
	@tools/vm/test

test:				## all tests: tools, platform, kunit, VM, packages
	@tools/test

check: kernel			## static checks of the series, each commit built
	@tools/tap/run tools/check/*.check

headers: linux			## build/headers: sanitised UAPI headers, for VMM authors
	@tools/headers

series: linux			## build/series: the patches to mail or git am (SIGNOFF="Name <mail>")
	@tools/tree/series

qemu-series: qemu		## build/qemu-series: the platform as patches to QEMU (SIGNOFF="Name <mail>")
	@tools/qemu/series

deb: linux			## build/deb: Debian packages of QEMU, kernel (CONFIG=file, default from /boot), headers
	@tools/deb/kernel --config $(CONFIG) >/dev/null
	@tools/deb/qemu
	@tools/deb/headers
	@tools/deb/kernel $(CONFIG)

test-deb: kernel qemu		## packages of what the VM runs, installed where nothing else is
	@tools/tap/run tools/deb/test

clean:				## remove what was built, keep the trees
	@shopt -s extglob nullglob; rm -rf build/!(linux|qemu-src*)

distclean:			## remove build/ whole (refuses to drop unsynced work in build/linux)
	@tools/tree/clean

.PHONY: $(shell awk -F: '/^[a-z0-9-]+:/ { print $$1 }' $(firstword $(MAKEFILE_LIST)))
