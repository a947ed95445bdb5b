/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
/*
 * svatest: a PCI Express device for shared virtual addressing
 *
 * Registers, descriptors and codes, for the device model, kernel drivers and
 * user space alike, and the calls of the kernel's driver. The manual is
 * Documentation/misc-devices/svatest.rst.
 * Everything is little endian. Registers of 64 bits may be accessed as two of
 * 32 bits, low half first. Reserved bits read as zero and must be written so.
 */
#ifndef _UAPI_MISC_SVATEST_H
#define _UAPI_MISC_SVATEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Identity */
#define SVATEST_VENDOR_ID		0x1234
#define SVATEST_DEVICE_ID		0x11f5
#define SVATEST_VF_DEVICE_ID		0x11f6
#define SVATEST_MAGIC			0x54415653u	/* "SVAT" */
#define SVATEST_VERSION			1

/* BARs */
#define SVATEST_BAR_REGS		0
#define SVATEST_BAR_MEM			2
#define SVATEST_BAR_MSIX		4
#define SVATEST_REGS_SIZE		0x10000u
#define SVATEST_MEM_SIZE		0x100000u
#define SVATEST_MSIX_SIZE		0x1000u
#define SVATEST_MAX_CHANNELS		8u
#define SVATEST_MAX_VFS			7u

/* Control page, BAR 0 offset 0 */
#define SVATEST_R_MAGIC			0x000u
#define SVATEST_R_VERSION		0x004u
#define SVATEST_R_FEATURES		0x008u
#define  SVATEST_FEAT_CHANNELS(v)	((v) & 0xfu)
#define  SVATEST_FEAT_PASID_BITS(v)	(((v) >> 8) & 0x1fu)	/* 0: no PASID */
#define  SVATEST_FEAT_ATS		0x00010000u
#define  SVATEST_FEAT_PRI		0x00020000u
#define  SVATEST_FEAT_EXEC		0x00040000u
#define  SVATEST_FEAT_PRIV		0x00080000u
#define  SVATEST_FEAT_VF		0x00100000u	/* this is a VF */
#define  SVATEST_FEAT_UNIT		0x00200000u	/* an IOMMU serves PASID, ATS, PRI */
#define SVATEST_R_CONTROL		0x00cu
#define  SVATEST_CTRL_RESET		0x1u		/* write only */
#define  SVATEST_CTRL_ENABLE		0x2u
#define  SVATEST_CTRL_ABORT		0x4u		/* write only: abort all commands */
#define SVATEST_R_STATUS		0x010u
#define  SVATEST_STS_ENABLED		0x1u
#define  SVATEST_STS_BUSY		0x2u		/* a command runs or waits */
#define SVATEST_R_ERROR			0x014u		/* write 1 to clear */
#define  SVATEST_ERR_RING		0x01u		/* descriptor fetch failed */
#define  SVATEST_ERR_DESC		0x02u		/* bad descriptor */
#define  SVATEST_ERR_COMPLETION		0x04u		/* completion or head not written */
#define  SVATEST_ERR_RESPONSE		0x08u		/* Response Failure, PRI stopped */
#define  SVATEST_ERR_UPRGI		0x10u		/* response to an unknown PRGI */
#define  SVATEST_ERR_CONFIG		0x20u		/* refused register write */
#define  SVATEST_ERR_ATS		0x40u		/* Unsupported Request, ATS not used */
#define SVATEST_R_INTR_CAUSE		0x018u		/* write 1 to clear */
#define  SVATEST_INTR_CHANNEL(n)	(1u << (n))	/* to the channel's vector */
#define  SVATEST_INTR_STOPPED		0x100u		/* PASID stopped, vector 0 */
#define  SVATEST_INTR_ERROR		0x200u		/* R_ERROR became non-zero, vector 0 */
#define SVATEST_R_INTR_MASK		0x01cu		/* 1: no message for this cause */
#define SVATEST_R_PASID_STOP		0x020u		/* write starts; refused while busy */
#define  SVATEST_STOP_MARKER		0x80000000u	/* a stop marker instead of waiting */
#define SVATEST_R_STOP_STATUS		0x028u
#define  SVATEST_STOP_BUSY		0x40000000u
#define  SVATEST_STOP_DONE		0x80000000u
#define SVATEST_PASID_MASK		0x000fffffu

/* Channel configuration, n below the number of channels */
#define SVATEST_R_CHANNEL(n)		(0x100u + 0x40u * (n))
#define SVATEST_C_FLAGS			0x00u
#define  SVATEST_CF_ENABLE		0x01u
#define  SVATEST_CF_ATS			0x02u	/* use the translation cache */
#define  SVATEST_CF_PRI			0x04u	/* ask for missing pages */
#define  SVATEST_CF_TRUSTED		0x08u	/* descriptor decides PASID, rights, raw messages */
#define  SVATEST_CF_RING_PASID		0x10u	/* ring and head address are in C_PASID */
#define  SVATEST_CF_MASK		0x1fu
#define SVATEST_C_PASID			0x04u
#define  SVATEST_CP_PRIV		0x10000000u
#define  SVATEST_CP_EXEC		0x20000000u
#define  SVATEST_CP_VALID		0x80000000u	/* 0: requests without PASID */
#define SVATEST_C_RING_BASE		0x08u	/* 64 bit, 64-byte aligned */
#define SVATEST_C_RING_SIZE		0x10u	/* log2 of descriptors, 0: no ring */
#define  SVATEST_RING_SIZE_MAX		16u
#define SVATEST_C_VECTOR		0x14u	/* MSI-X vector */
#define SVATEST_C_HEAD_ADDR		0x18u	/* 64 bit, 8-byte aligned, 0: none */
#define SVATEST_C_PRG_PAGES		0x20u	/* pages per page request group, 1-32 */
#define SVATEST_C_RETRIES		0x24u	/* page request rounds per page */
#define SVATEST_C_COALESCE		0x28u	/* completions 15:0, microseconds 31:16 */
#define SVATEST_C_TIMEOUT		0x2cu	/* wait for a response, ms; 0: for ever */

/* Knobs, BAR 0 offset 0x1000; zero after reset where nothing else is said */
#define SVATEST_R_KNOBS			0x1000u
#define SVATEST_K_INV_IGNORE		0x1000u	/* next N invalidations drop nothing */
#define SVATEST_K_INV_HOLD		0x1004u	/* acknowledge after N us */
#define  SVATEST_INV_HOLD_EVER		0xffffffffu
#define SVATEST_K_RESP_DROP		0x1008u	/* next N group responses are lost */
#define SVATEST_K_PR_FLAGS		0x100cu	/* page requests the device makes itself */
#define  SVATEST_KP_NO_LAST		0x01u	/* last request of a group not marked */
#define  SVATEST_KP_NO_PASID		0x02u
#define  SVATEST_KP_PRIV		0x04u
#define  SVATEST_KP_EXEC		0x08u
#define  SVATEST_KP_AFTER_STOP		0x10u	/* one more request after a stop marker */
#define SVATEST_K_PASID_XOR		0x1010u	/* into the PASID of each message */
#define SVATEST_K_DEVFN_OFFSET		0x1014u	/* other requester id, 0-255 */
#define SVATEST_K_LIE			0x1018u
#define  SVATEST_KL_EARLY		0x1u	/* complete before the work */
#define  SVATEST_KL_KEEP_FLR		0x2u	/* reset keeps cache, knobs and groups */
#define SVATEST_K_INV_DONE		0x101cu	/* write: unasked invalidation completion */
#define SVATEST_K_SLICE_BYTES		0x1020u	/* bytes per slice; reset: as property */
#define SVATEST_K_SLICE_CMDS		0x1024u	/* commands per slice, 1-256; reset: 32 */
#define SVATEST_K_CLEAR			0x1028u	/* write: counters to zero */

/* Counters, 64 bit, read only */
#define SVATEST_R_COUNTER(i)		(0x1800u + 8u * (i))
#define SVATEST_CNT_TRANSLATIONS	0u	/* translation requests sent */
#define SVATEST_CNT_ATC_HITS		1u
#define SVATEST_CNT_ATC_MISSES		2u
#define SVATEST_CNT_ATC_STALE		3u	/* hits that tables no longer grant */
#define SVATEST_CNT_ATC_EVICTIONS	4u
#define SVATEST_CNT_PAGE_REQUESTS	5u
#define SVATEST_CNT_GROUPS		6u	/* groups sent, with last */
#define SVATEST_CNT_RESP_SUCCESS	7u
#define SVATEST_CNT_RESP_INVALID	8u
#define SVATEST_CNT_RESP_FAILURE	9u	/* and every code not defined */
#define SVATEST_CNT_RESP_UNKNOWN	10u	/* PRGI nobody waits for */
#define SVATEST_CNT_RESP_DROPPED	11u	/* by K_RESP_DROP */
#define SVATEST_CNT_INV_PAGE		12u	/* one PASID or none, a range */
#define SVATEST_CNT_INV_ALL		13u	/* one PASID or none, all addresses */
#define SVATEST_CNT_INV_GLOBAL		14u	/* every PASID */
#define SVATEST_CNT_INV_IGNORED		15u
#define SVATEST_CNT_FAULTS		16u	/* requests refused by the IOMMU */
#define SVATEST_CNT_BYTES		17u	/* moved by data commands */
#define SVATEST_CNT_COMMANDS		18u
#define SVATEST_CNT_SLICES		19u
#define SVATEST_CNT_LONGEST_WAIT	20u	/* for a response, ns */
#define SVATEST_CNT_UNIT_STALE		21u	/* from here: the IOMMU's own, not cleared */
#define SVATEST_CNT_UNIT_PFSID		22u
#define SVATEST_CNT_UNIT_UNEXPECTED	23u
#define SVATEST_CNT_UNIT_FAULTS		24u
#define SVATEST_CNT_UNIT_PAGE_REQUESTS	25u
#define SVATEST_CNT_UNIT_AUTO_RESPONSES	26u
#define SVATEST_CNT_UNIT_DESCRIPTORS	27u	/* served, but for the next ones */
#define SVATEST_CNT_UNIT_WAITS		28u	/* that tell software */
#define SVATEST_CNT_NUM			29u

/* Doorbell page of a channel */
#define SVATEST_R_DOORBELL(n)		(0x8000u + 0x1000u * (n))
#define SVATEST_D_TAIL			0x00u	/* 32 bit, index below the ring size */
#define SVATEST_D_HEAD			0x08u
#define SVATEST_D_STATE			0x10u
#define  SVATEST_STATE_IDLE		0u
#define  SVATEST_STATE_RUN		1u
#define  SVATEST_STATE_WAIT_PRG		2u
#define  SVATEST_STATE_HALTED		3u	/* not enabled */
#define  SVATEST_STATE_ERROR		4u	/* ring fetch failed; disable, then enable */
#define SVATEST_D_ERROR			0x18u	/* status of the last command that failed */
#define SVATEST_D_DESC			0x40u	/* immediate descriptor, 64 bytes */
#define SVATEST_D_START			0x80u	/* write 1; ignored while busy */
#define SVATEST_D_STATUS		0x88u
#define  SVATEST_IMM_STATUS(v)		((v) & 0xffu)
#define  SVATEST_IMM_BUSY		0x40000000u
#define  SVATEST_IMM_DONE		0x80000000u
#define SVATEST_D_DETAIL		0x8cu	/* completion fields of the immediate command */
#define SVATEST_D_BYTES			0x90u
#define SVATEST_D_RESULT		0x98u

/* Descriptor: op 7:0 and flags */
#define SVATEST_OP_MASK			0xffu
#define SVATEST_F_IRQ			0x00000100u	/* interrupt at the end */
#define SVATEST_F_COMPLETION		0x00000200u	/* write a completion */
#define SVATEST_F_FENCE			0x00000400u	/* wait for the other channels first */
#define SVATEST_F_UNTRANSLATED		0x00000800u	/* do not use the translation cache */
#define SVATEST_F_TRANSLATED		0x00001000u	/* trusted: addresses are physical */
#define SVATEST_F_NO_WRITE		0x00002000u	/* translation requests carry NW */
#define SVATEST_F_NO_PRI		0x00004000u	/* a missing page is an error */
#define SVATEST_F_PRIV			0x00008000u	/* trusted or CP_PRIV */
#define SVATEST_F_EXEC			0x00010000u	/* trusted or CP_EXEC: reads are fetches */
#define SVATEST_F_MASK			0x0001ff00u
#define SVATEST_DP_VALID		0x80000000u	/* in @pasid, trusted only */

#define SVATEST_OP_NOP			0x00u
#define SVATEST_OP_COPY			0x10u	/* src to dst */
#define SVATEST_OP_FILL			0x11u	/* dst with imm, 8 bytes repeated */
#define SVATEST_OP_READ			0x12u	/* src to device memory at dst */
#define SVATEST_OP_WRITE		0x13u	/* device memory at src to dst */
#define SVATEST_OP_COMPARE		0x14u	/* src with dst; bytes = equal ones */
#define SVATEST_OP_CRC			0x15u	/* CRC-32 (IEEE 802.3) of src */
#define SVATEST_OP_ATOMIC		0x16u	/* dst, length 4 or 8, kind in aux */
#define SVATEST_OP_TOUCH		0x17u	/* dst, one byte each imm2 bytes */
#define SVATEST_OP_XLATE		0x20u	/* src: one translation request */
#define SVATEST_OP_PREFETCH		0x21u	/* src, length: fill the cache */
#define SVATEST_OP_ATC_DUMP		0x22u	/* cache to device memory at dst */
#define SVATEST_OP_PAGEREQ		0x30u	/* trusted: src, length messages (0: 1) */
#define SVATEST_OP_STOPMARK		0x31u	/* trusted */
#define SVATEST_OP_FENCE		0x40u	/* wait for the other channels */
#define SVATEST_OP_DELAY		0x41u	/* imm microseconds */
#define SVATEST_OP_IRQ			0x42u	/* vector imm */
#define SVATEST_DELAY_MAX		10000000u	/* us */
#define SVATEST_LENGTH_MAX		0x40000000u

/* aux of OP_ATOMIC */
#define SVATEST_ATOMIC_ADD		0u
#define SVATEST_ATOMIC_SWAP		1u
#define SVATEST_ATOMIC_CAS		2u	/* imm2 is the compare value */
/* aux of OP_TOUCH, OP_XLATE, OP_PREFETCH: wanted rights; 0 is read */
#define SVATEST_AUX_READ		0x1u
#define SVATEST_AUX_WRITE		0x2u	/* OP_TOUCH stores imm 7:0 */
#define SVATEST_AUX_EXEC		0x4u	/* not OP_TOUCH */
/* aux of OP_PAGEREQ */
#define SVATEST_PR_PRGI_MASK		0x000001ffu
#define SVATEST_PR_READ			0x00010000u
#define SVATEST_PR_WRITE		0x00020000u
#define SVATEST_PR_EXEC			0x00040000u
#define SVATEST_PR_PRIV			0x00080000u
#define SVATEST_PR_LAST			0x00100000u	/* the last one, with DISTINCT each one */
#define SVATEST_PR_DISTINCT		0x00200000u	/* PRGI counts up */
#define SVATEST_PR_WAIT			0x00400000u	/* await responses; needs LAST */
#define SVATEST_PR_SAME_ADDR		0x00800000u	/* else the address counts up by 4 KiB */
#define SVATEST_PR_MAX			0x10000u

/* Status of a command */
#define SVATEST_ST_NONE			0x00u	/* not complete yet */
#define SVATEST_ST_OK			0x01u
#define SVATEST_ST_BAD_DESC		0x02u
#define SVATEST_ST_ACCESS		0x03u	/* untranslated or translated request refused */
#define SVATEST_ST_NO_RIGHT		0x04u	/* translation granted too little, no PRI */
#define SVATEST_ST_PAGE_INVALID		0x05u	/* response Invalid Request */
#define SVATEST_ST_PAGE_FAILURE		0x06u	/* response Failure, or PRI was stopped */
#define SVATEST_ST_RETRY		0x07u	/* responses Success, page still missing */
#define SVATEST_ST_ABORTED		0x08u
#define SVATEST_ST_TIMEOUT		0x09u	/* no response */
#define SVATEST_ST_MISMATCH		0x0au

/* detail of a completion */
#define SVATEST_DET_READ		0x01u	/* right that was wanted, or granted (XLATE) */
#define SVATEST_DET_WRITE		0x02u
#define SVATEST_DET_EXEC		0x04u
#define SVATEST_DET_PRIV		0x08u
#define SVATEST_DET_GLOBAL		0x10u	/* XLATE */
#define SVATEST_DET_U			0x20u	/* XLATE: untranslated access only */
#define SVATEST_DET_REASON(v)		(((v) >> 8) & 0xffu)
#define  SVATEST_REASON_NONE		0u
#define  SVATEST_REASON_BLOCKED		1u	/* request faulted */
#define  SVATEST_REASON_UR		2u	/* translation: unsupported request */
#define  SVATEST_REASON_CA		3u	/* translation: completer abort */
#define  SVATEST_REASON_NO_UNIT		4u	/* nobody serves such requests */
#define  SVATEST_REASON_DISABLED	5u	/* something it needs is not enabled */
#define  SVATEST_REASON_BUS		6u	/* memory access failed */
#define  SVATEST_REASON_SIZE		7u	/* translation: less than the smallest unit */
#define SVATEST_DET_RESPONSE(v)		(((v) >> 16) & 0xfu)
#define SVATEST_DET_SIZE_LG2(v)		(((v) >> 24) & 0x3fu)	/* XLATE: page size */

/**
 * struct svatest_desc - one command
 * @op_flags: SVATEST_OP_* in bits 7:0, SVATEST_F_*
 * @pasid: PASID 19:0 and SVATEST_DP_VALID, used by trusted channels only
 * @src: source address, or offset in device memory
 * @dst: destination address, or offset in device memory
 * @length: bytes, at most SVATEST_LENGTH_MAX
 * @tag: returned in the completion
 * @imm: pattern, operand, time or vector
 * @imm2: compare value or stride
 * @completion: where the completion goes, 32-byte aligned; same address space
 *              as the data
 * @aux: per operation
 */
struct svatest_desc {
	__u32 op_flags;
	__u32 pasid;
	__u64 src;
	__u64 dst;
	__u32 length;
	__u32 tag;
	__u64 imm;
	__u64 imm2;
	__u64 completion;
	__u64 aux;
};

/**
 * struct svatest_completion - what a command came to
 * @status: SVATEST_ST_*
 * @tag: of the descriptor
 * @bytes: bytes done
 * @result: address that failed; for success what the command computes: CRC, old
 *          value, address, number of pages or entries
 * @detail: SVATEST_DET_*
 * @sequence: commands completed by this channel, from 1; written last
 */
struct svatest_completion {
	__u32 status;
	__u32 tag;
	__u64 bytes;
	__u64 result;
	__u32 detail;
	__u32 sequence;
};

/**
 * struct svatest_atc_entry - one entry of an OP_ATC_DUMP
 * @iova: first address of the page
 * @addr: translated address
 * @pasid: PASID and SVATEST_DP_VALID
 * @detail: rights and page size, as SVATEST_DET_*
 * @reserved: zero
 */
struct svatest_atc_entry {
	__u64 iova;
	__u64 addr;
	__u32 pasid;
	__u32 detail;
	__u64 reserved;
};

/*
 * What tests ask of the kernel's driver, /dev/svatest-<PCI address>
 *
 * The device itself is programmed through its BARs, by the test.
 */
#define SVATEST_IOC_MAGIC	0xdb

/**
 * struct svatest_dma_map - memory of the caller mapped for DMA
 * @addr: where it starts, aligned to pages
 * @size: how long it is, in bytes; whole pages, at most %SVATEST_DMA_MAP_MAX
 * @direction: %SVATEST_DMA_BOTH, %SVATEST_DMA_TO_DEVICE or
 *	%SVATEST_DMA_FROM_DEVICE
 * @reserved: zero
 * @dma: out, the address for requests without PASID
 */
struct svatest_dma_map {
	__aligned_u64 addr;
	__aligned_u64 size;
	__u32 direction;
	__u32 reserved;
	__aligned_u64 dma;
};

#define SVATEST_DMA_BOTH		0
#define SVATEST_DMA_TO_DEVICE		1
#define SVATEST_DMA_FROM_DEVICE		2
#define SVATEST_DMA_MAP_MAX		0x1000000

/*
 * Map, by the DMA API. The pages stay pinned until they are unmapped, or until
 * the file is closed, which aborts all commands of the device.
 *
 * EINVAL	address, size, direction or reserved field
 * EFAULT	no such memory, or not with that right
 * EOPNOTSUPP	it does not come out as one range of addresses: without
 *		translation only single pages do
 */
#define SVATEST_DMA_MAP		_IOWR(SVATEST_IOC_MAGIC, 0, struct svatest_dma_map)

/* Unmap what has this @dma; ENOENT if this file has no such mapping. */
#define SVATEST_DMA_UNMAP	_IOW(SVATEST_IOC_MAGIC, 1, __u64)

/*
 * Bind the device to the caller's address space; returns the PASID. Once for
 * each file (EBUSY). EOPNOTSUPP if device, IOMMU or kernel cannot do so. A device
 * without page requests reaches what is in memory.
 */
#define SVATEST_SVA_BIND	_IO(SVATEST_IOC_MAGIC, 2)

/*
 * Stop the device's use of the PASID, then unbind; ENOENT if not bound. Closing
 * the file does so as well.
 */
#define SVATEST_SVA_UNBIND	_IO(SVATEST_IOC_MAGIC, 3)

/**
 * struct svatest_irq_wait - wait for an interrupt
 * @vector: its MSI-X vector
 * @timeout_ms: for how long at most; 0: not at all
 * @count: how often the caller knows that it came since the driver has the
 *	device; out, how often it has come
 */
struct svatest_irq_wait {
	__u32 vector;
	__u32 timeout_ms;
	__aligned_u64 count;
};

/*
 * Wait until the vector has come another number of times than @count, which is
 * at once if it has already.
 *
 * EINVAL	no such vector
 * ETIMEDOUT	it has not come in time
 */
#define SVATEST_IRQ_WAIT	_IOWR(SVATEST_IOC_MAGIC, 4, struct svatest_irq_wait)

#endif
