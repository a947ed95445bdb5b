/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For a test that is nothing without an Arm SMMUv3: without any in the machine it
 * is skipped as a whole.
 */
#ifndef NEEDS_SMMU_H
#define NEEDS_SMMU_H

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "../kselftest.h"

static void __attribute__((constructor)) needs_smmu(void)
{
	glob_t found;

	if (!glob("/sys/class/iommu/smmu3.*", 0, NULL, &found)) {
		globfree(&found);
		return;
	}
	printf("TAP version 13\n1..0 # SKIP no SMMUv3\n");
	exit(KSFT_SKIP);
}

#endif
