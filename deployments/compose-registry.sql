CREATE DATABASE registry OWNER seqtag;
