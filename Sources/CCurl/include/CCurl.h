#pragma once
#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

// libcurl is loaded when the first transport starts, not when the program does: it brings some thirty libraries, which
// are a third of the time that `hone --help` takes. Curl.c defines the functions of libcurl that Hone calls, each of
// which goes on to the loaded one; a function that is not there does not link.

/// Why libcurl could not be loaded; NULL when it was. Loads it at the first call. Thread-safe.
const char *hone_curl_problem(void);

// Swift imports no variadic C functions, so libcurl's setters and getters are given one typed form each.

typedef size_t (*hone_data_callback)(char *data, size_t size, size_t count, void *context);

CURLcode hone_set_long(CURL *easy, CURLoption option, long value);
CURLcode hone_set_offset(CURL *easy, CURLoption option, curl_off_t value);
CURLcode hone_set_string(CURL *easy, CURLoption option, const char *value);
CURLcode hone_set_pointer(CURL *easy, CURLoption option, const void *value);
CURLcode hone_set_callback(CURL *easy, CURLoption option, hone_data_callback value);
CURLcode hone_set_before_request(CURL *easy, curl_prereq_callback callback, void *context);
CURLcode hone_get_long(CURL *easy, CURLINFO info, long *value);
CURLcode hone_get_offset(CURL *easy, CURLINFO info, curl_off_t *value);
CURLcode hone_get_pointer(CURL *easy, CURLINFO info, void **value);
CURLMcode hone_multi_set_long(CURLM *multi, CURLMoption option, long value);

static inline CURLcode hone_message_result(const CURLMsg *message) { return message->data.result; }
