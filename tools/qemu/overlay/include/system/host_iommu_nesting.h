/*
 * Host IOMMU device whose first stage belongs to the guest
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A physical device that is passed to a guest can be translated in two stages:
 * the second one, guest-physical to host-physical, is QEMU's, and the first one
 * is a table that the guest keeps in its memory. A virtual IOMMU uses this
 * class to hand such tables to the host, PASID by PASID, and to pass down what
 * the guest invalidates and answers; page requests and faults come back through
 * a listener.
 *
 * Threads. The virtual IOMMU calls the functions host_iommu_nesting_*() with
 * the BQL held, and none of them waits. Some operations of a host wait for
 * hardware, which a guest or its device can delay for seconds. Those are queued
 * as values and run by a thread of the device, in order and one at a time,
 * without the BQL. host_iommu_nesting_flush() tells when all queued before it
 * are done.
 *
 * So an implementation of the class has two kinds of callbacks. What is marked
 * "worker" is called in that thread: it may block, and must touch neither
 * guest memory, nor QOM, nor anything else that the BQL protects. All the rest
 * is called in any thread that holds the BQL, and must not block.
 *
 * Addresses and sizes are in bytes. Errors are negative errno values.
 */

#ifndef SYSTEM_HOST_IOMMU_NESTING_H
#define SYSTEM_HOST_IOMMU_NESTING_H

#include "exec/hwaddr.h"
#include "qemu/queue.h"
#include "qemu/thread.h"
#include "system/host_iommu_device.h"

/**
 * HostIOMMUNestingFormat: format of a first-stage table
 *
 * Values are those of enum iommu_pasid_format in linux/iommu.h.
 */
typedef enum HostIOMMUNestingFormat {
    HOST_IOMMU_NESTING_VTD = 1,
    HOST_IOMMU_NESTING_SMMU_V3 = 2,
} HostIOMMUNestingFormat;

/**
 * HostIOMMUNestingInfo: what the host offers for one device
 *
 * @format: one of #HostIOMMUNestingFormat, or a number that is none
 * @pasid_bits: width of a PASID that the device can send
 * @syswide_pasid: the host hands PASIDs out, the guest cannot choose its own
 * @bind: tables can be bound PASID by PASID
 * @invalidate: invalidations can be passed down
 * @set_rid: requests without PASID can be blocked or translated by a table
 * @page_requests: the device's page requests are delivered and want answers
 * @page_request_limit: groups that may be outstanding, 0 if @page_requests is
 *                      false
 * @vtd_cap, @vtd_ecap: capability registers of a VT-d unit; fields that a
 *                      virtual unit need not agree with are 0
 */
typedef struct HostIOMMUNestingInfo {
    uint32_t format;
    uint8_t pasid_bits;
    bool syswide_pasid;
    bool bind;
    bool invalidate;
    bool set_rid;
    bool page_requests;
    uint32_t page_request_limit;
    uint64_t vtd_cap;
    uint64_t vtd_ecap;
} HostIOMMUNestingInfo;

/**
 * HostIOMMUNestingFirstStage: a table of the guest
 *
 * @table: guest-physical address of the top level, aligned to 4 KiB
 * @addr_width: input address width in bits, 48 or 57
 * @sre: requests at the privileged level are allowed
 * @wpe: write protection holds for them; only with @sre
 */
typedef struct HostIOMMUNestingFirstStage {
    hwaddr table;
    uint8_t addr_width;
    bool sre;
    bool wpe;
} HostIOMMUNestingFirstStage;

/**
 * HostIOMMUNestingRidMode: what happens to requests without PASID
 *
 * @HOST_IOMMU_NESTING_RID_PASS: their addresses are guest-physical; the state
 *                               after realize
 * @HOST_IOMMU_NESTING_RID_BLOCK: they are aborted
 * @HOST_IOMMU_NESTING_RID_FIRST_STAGE: translated by a table of the guest
 */
typedef enum HostIOMMUNestingRidMode {
    HOST_IOMMU_NESTING_RID_PASS,
    HOST_IOMMU_NESTING_RID_BLOCK,
    HOST_IOMMU_NESTING_RID_FIRST_STAGE,
} HostIOMMUNestingRidMode;

/**
 * HostIOMMUNestingRange: what an invalidation reaches
 *
 * @pasid: PASID, or PCI_NO_PASID for requests without PASID
 * @addr: first address, aligned to @size
 * @size: a power of two, at least 4096, or 0: all addresses
 * @leaf: only last-level entries have changed
 */
typedef struct HostIOMMUNestingRange {
    uint32_t pasid;
    hwaddr addr;
    hwaddr size;
    bool leaf;
} HostIOMMUNestingRange;

/**
 * HostIOMMUNestingPageRequest: one page request of the device
 *
 * @pasid: PASID, or PCI_NO_PASID
 * @addr: page address
 * @prgi: page request group index, 9 bits
 * @read, @write, @exec, @priv: wanted rights
 * @last: last request of its group, the one that is answered
 * @needs_pasid: the answer repeats the PASID; valid with @last
 * @cookie: the host's number of the group; valid with @last
 */
typedef struct HostIOMMUNestingPageRequest {
    uint32_t pasid;
    hwaddr addr;
    uint16_t prgi;
    bool read;
    bool write;
    bool exec;
    bool priv;
    bool last;
    bool needs_pasid;
    uint64_t cookie;
} HostIOMMUNestingPageRequest;

/**
 * HostIOMMUNestingCode: outcome of a page request group
 *
 * Values are those of enum iommu_page_response_code in linux/iommu.h.
 */
typedef enum HostIOMMUNestingCode {
    HOST_IOMMU_NESTING_SUCCESS,
    HOST_IOMMU_NESTING_INVALID,
    HOST_IOMMU_NESTING_FAILURE,
} HostIOMMUNestingCode;

/**
 * HostIOMMUNestingResponse: answer to a group
 *
 * @pasid, @prgi, @needs_pasid, @cookie: as in its last request
 * @code: outcome
 */
typedef struct HostIOMMUNestingResponse {
    uint32_t pasid;
    uint16_t prgi;
    bool needs_pasid;
    HostIOMMUNestingCode code;
    uint64_t cookie;
} HostIOMMUNestingResponse;

/**
 * HostIOMMUNestingReason: why a transaction was aborted
 *
 * Values are those of enum iommu_fault_reason in linux/iommu.h. That a device
 * was cut off is told by #HostIOMMUNestingListener.gone instead.
 */
typedef enum HostIOMMUNestingReason {
    HOST_IOMMU_NESTING_UNKNOWN = 0,
    HOST_IOMMU_NESTING_PASID_FETCH = 1,
    HOST_IOMMU_NESTING_BAD_PASID_ENTRY = 2,
    HOST_IOMMU_NESTING_PASID_INVALID = 3,
    HOST_IOMMU_NESTING_WALK_EABT = 4,
    HOST_IOMMU_NESTING_PTE_FETCH = 5,
    HOST_IOMMU_NESTING_PERMISSION = 6,
    HOST_IOMMU_NESTING_ACCESS = 7,
    HOST_IOMMU_NESTING_OOR_ADDRESS = 8,
} HostIOMMUNestingReason;

/**
 * HostIOMMUNestingFault: an aborted transaction
 *
 * @reason: one of #HostIOMMUNestingReason, or a number that is none
 * @pasid: PASID that the device sent, or PCI_NO_PASID
 * @addr: input address, 0 if the host does not know it
 * @read, @write, @exec, @priv: wanted rights
 */
typedef struct HostIOMMUNestingFault {
    uint32_t reason;
    uint32_t pasid;
    hwaddr addr;
    bool read;
    bool write;
    bool exec;
    bool priv;
} HostIOMMUNestingFault;

/**
 * HostIOMMUNestingListener: what the virtual IOMMU wants to hear
 *
 * All callbacks run with the BQL held, from the main loop or from inside
 * host_iommu_nesting_deliver(), never from inside another call of the virtual
 * IOMMU. None of them may detach the device.
 *
 * @page_requests: requests of the device, whole groups in order. Each group
 *                 gets one answer, unless the host ends it before.
 * @page_request_end: the host has ended a group, because nobody answered in
 *                    time; an answer that comes now is lost. Not called for
 *                    groups that end by host_iommu_nesting_unbind().
 * @page_requests_reset: the guest has switched the page request interface of
 *                       the device off or reset it, or the whole device. Groups
 *                       from before mean nothing any more.
 * @fault: a transaction was aborted
 * @bind_failed: the host refused the host_iommu_nesting_bind() that returned
 *               @call; nothing was bound to the PASID then. Comes before the
 *               end of the next flush.
 * @rid_failed: the same for host_iommu_nesting_set_rid(); requests without
 *              PASID were as before that call
 * @gone: the device is cut off from memory until the guest resets it, or the
 *        host tells nothing any more; @reason is a sentence without full stop
 */
typedef struct HostIOMMUNestingListener {
    void (*page_requests)(void *opaque,
                          const HostIOMMUNestingPageRequest *reqs, unsigned n);
    void (*page_request_end)(void *opaque, uint32_t pasid, uint16_t prgi,
                             uint64_t cookie);
    void (*page_requests_reset)(void *opaque);
    void (*fault)(void *opaque, const HostIOMMUNestingFault *fault);
    void (*bind_failed)(void *opaque, uint32_t pasid, uint64_t call, int ret);
    void (*rid_failed)(void *opaque, uint64_t call, int ret);
    void (*gone)(void *opaque, const char *reason);
} HostIOMMUNestingListener;

#define TYPE_HOST_IOMMU_DEVICE_NESTING TYPE_HOST_IOMMU_DEVICE "-nesting"
OBJECT_DECLARE_TYPE(HostIOMMUDeviceNesting, HostIOMMUDeviceNestingClass,
                    HOST_IOMMU_DEVICE_NESTING)

typedef struct HostIOMMUNestingCall HostIOMMUNestingCall;
typedef QSIMPLEQ_HEAD(, HostIOMMUNestingCall) HostIOMMUNestingCalls;

struct HostIOMMUDeviceNesting {
    HostIOMMUDevice parent_obj;

    /*
     * Protected by the BQL. @listener is set while a virtual IOMMU is attached;
     * @pending counts calls that are queued or run, @calls all there were.
     */
    const HostIOMMUNestingListener *listener;
    void *listener_opaque;
    unsigned pending;
    uint64_t calls;
    QEMUBH *bh;
    QemuThread thread;

    /* Protected by @lock */
    QemuMutex lock;
    QemuCond cond;
    HostIOMMUNestingCalls queued;
    HostIOMMUNestingCalls finished;
    bool stop;
};

/**
 * HostIOMMUDeviceNestingClass: what an implementation provides
 *
 * @get_info: what the host offers; true, or false with @errp set. BQL.
 * @bind: bind a table to a PASID, or replace the one that is bound. Returns 0,
 *        or a negative errno, after which nothing is bound to the PASID. An
 *        error that passes by itself is waited for here. Worker.
 * @unbind: undo that. Afterwards the host has answered every group of the
 *          PASID. Harmless if nothing is bound; cannot fail. Worker.
 * @invalidate: drop cached translations of IOMMU and device. Cannot fail: a
 *              device that does not complete is cut off, see
 *              #HostIOMMUNestingListener.gone. Worker.
 * @set_rid: decide about requests without PASID; @fs is given for
 *           HOST_IOMMU_NESTING_RID_FIRST_STAGE only. Returns 0, or a negative
 *           errno, after which all is as before. Not called where @get_info
 *           says that the host cannot. Worker.
 * @respond: answer @n groups. Those that the host has ended are skipped.
 *           Worker.
 * @drain: wait until @deliver would deliver everything that the device sent
 *         before. NULL if the host cannot. Worker.
 * @deliver: hand all records that the host has now to the listener. BQL.
 */
struct HostIOMMUDeviceNestingClass {
    HostIOMMUDeviceClass parent_class;

    bool (*get_info)(HostIOMMUDeviceNesting *hiodn, HostIOMMUNestingInfo *info,
                     Error **errp);
    int (*bind)(HostIOMMUDeviceNesting *hiodn, uint32_t pasid,
                const HostIOMMUNestingFirstStage *fs);
    void (*unbind)(HostIOMMUDeviceNesting *hiodn, uint32_t pasid);
    void (*invalidate)(HostIOMMUDeviceNesting *hiodn,
                       const HostIOMMUNestingRange *range);
    int (*set_rid)(HostIOMMUDeviceNesting *hiodn, HostIOMMUNestingRidMode mode,
                   const HostIOMMUNestingFirstStage *fs);
    void (*respond)(HostIOMMUDeviceNesting *hiodn,
                    const HostIOMMUNestingResponse *responses, unsigned n);
    void (*drain)(HostIOMMUDeviceNesting *hiodn);
    void (*deliver)(HostIOMMUDeviceNesting *hiodn);
};

/**
 * host_iommu_nesting_attach: a virtual IOMMU takes the device
 *
 * @hiodn: the device
 * @listener: what is to be called, must outlive the attachment
 * @opaque: passed to @listener
 *
 * Starts the thread of the device. Only one virtual IOMMU can be attached.
 */
void host_iommu_nesting_attach(HostIOMMUDeviceNesting *hiodn,
                               const HostIOMMUNestingListener *listener,
                               void *opaque);

/**
 * host_iommu_nesting_detach: give the device back
 *
 * Waits until all that was queued is done, with the BQL released meanwhile:
 * the caller must have made the device unreachable for the guest. No callback
 * comes after the start of this call, functions given to
 * host_iommu_nesting_flush() are not called any more.
 */
void host_iommu_nesting_detach(HostIOMMUDeviceNesting *hiodn);

/** host_iommu_nesting_attached: does a virtual IOMMU use the device? */
bool host_iommu_nesting_attached(HostIOMMUDeviceNesting *hiodn);

/** host_iommu_nesting_get_info: what the host offers, see the class */
bool host_iommu_nesting_get_info(HostIOMMUDeviceNesting *hiodn,
                                 HostIOMMUNestingInfo *info, Error **errp);

/*
 * The operations of the class that wait; these queue them. Those that may fail
 * return a number that is the call's own.
 */
uint64_t host_iommu_nesting_bind(HostIOMMUDeviceNesting *hiodn, uint32_t pasid,
                                 const HostIOMMUNestingFirstStage *fs);
void host_iommu_nesting_unbind(HostIOMMUDeviceNesting *hiodn, uint32_t pasid);
void host_iommu_nesting_invalidate(HostIOMMUDeviceNesting *hiodn,
                                   const HostIOMMUNestingRange *range);
uint64_t host_iommu_nesting_set_rid(HostIOMMUDeviceNesting *hiodn,
                                    HostIOMMUNestingRidMode mode,
                                    const HostIOMMUNestingFirstStage *fs);
void host_iommu_nesting_respond(HostIOMMUDeviceNesting *hiodn,
                                const HostIOMMUNestingResponse *response);
void host_iommu_nesting_drain(HostIOMMUDeviceNesting *hiodn);

/** host_iommu_nesting_deliver: deliver the records that the host has now */
void host_iommu_nesting_deliver(HostIOMMUDeviceNesting *hiodn);

/**
 * host_iommu_nesting_flush: tell when all that was queued before is done
 *
 * @hiodn: the device
 * @done: called once with @opaque, from the main loop, with the BQL held
 * @opaque: passed to @done
 */
void host_iommu_nesting_flush(HostIOMMUDeviceNesting *hiodn,
                              void (*done)(void *opaque), void *opaque);

/** host_iommu_nesting_pending: how many calls are not done yet */
unsigned host_iommu_nesting_pending(HostIOMMUDeviceNesting *hiodn);

#endif
